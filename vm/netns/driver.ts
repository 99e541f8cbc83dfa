/**
 * Light VMs: processes in a network namespace, joined to their host by a veth that moves between the hosts of one
 * machine (a lab). Nothing is copied and nothing stops executing; what a move costs is the time in which the kernel
 * takes the interface from one namespace to another, 15-25 ms.
 *
 * Limits: one interface a VM, which has one name on all hosts and is a `packet:` port. More addresses behind it are the
 * VM's own business; more interfaces with a wire, and Unix sockets, which are no interface, do not move.
 */
import { readFileSync } from 'node:fs';
import {
  type HostMachine,
  type MoveOptions,
  type NetnsMachine,
  type ReceivingVm,
  type RunningVm,
  type VmDriver,
  type VmEvents,
  type VmObstacle,
  type VmSpec,
  VnetError,
} from '../../core/index.js';
import { Arrival } from './arrival.js';
import { networkNamed } from './identity.js';
import { interfaceNames, interfaceOf, packetPortOf } from './interfaces.js';
import { ip, ipBatch } from './ip.js';
import { type LightPlace, LightVm } from './light-vm.js';
import { keepNeighbours } from './neighbours.js';
import { endWordsOf } from './ticket.js';
import { joinWire, keepWire, linesUp, nameTaken, outerEnd, WIRE_FOLDER, whoHas } from './wire.js';

/** capabilities(7). */
const CAP_NET_ADMIN = 12n;
const CAP_SYS_ADMIN = 21n;
/** What `ip netns` takes for a name, and no path. */
const NAMESPACE_NAME = /^(?!\.\.?$)[^/\s]{1,255}$/;

export interface NetnsDriverOptions {
  /** Where wires are remembered and tickets lie; one folder for all daemons of the machine. Default /run/vnet-netns. */
  folder?: string;
}

export class NetnsDriver implements VmDriver {
  readonly kind = 'netns';
  readonly #folder: string;

  constructor(options: NetnsDriverOptions = {}) {
    this.#folder = options.folder ?? WIRE_FOLDER;
  }

  async available(): Promise<true | string> {
    if (!mayMakeNamespaces())
      return 'light VMs need root, or a user namespace: the daemon has no CAP_NET_ADMIN';
    return ip(['-V']).then(
      () => true as const,
      () => "the program 'ip' is missing: install iproute2",
    );
  }

  portOf(spec: VmSpec): string {
    return packetPortOf(spec);
  }

  async check(spec: VmSpec, from?: HostMachine): Promise<VmObstacle[]> {
    const works = await this.available();
    if (works !== true) return [{ kind: 'driver', message: works, blocking: true }];
    let place: LightPlace;
    try {
      place = this.#placeOf(spec, packetPortOf(spec));
    } catch (thrown) {
      return [obstacleOf('port', thrown)];
    }
    return [...this.#namespaceObstacles(place, from !== undefined), ...(await nameObstacles(place))];
  }

  /**
   * Joins the VM to this host, and makes its namespace and wire where they are missing. A wire that leads to another
   * host is cut first, so that the VM is in one place at most; its addresses, routes and connections stay.
   * @throws VNET_ERR_EXISTS if another interface has the port's name
   */
  async start(spec: VmSpec, port: string, events: VmEvents): Promise<RunningVm> {
    const place = this.#placeOf(spec, port);
    await joinWire(this.#folder, spec, place);
    endWordsOf(this.#folder, place.name, 'remove');
    await this.#keep(place);
    return new LightVm(place, events);
  }

  /** A wire that is down was stopped; or a move ended half-way, with whoever did it: then the VM is where its wire is. */
  async adopt(spec: VmSpec, port: string, events: VmEvents): Promise<RunningVm | undefined> {
    const place = this.#placeOf(spec, port);
    const outer = await outerEnd(place.name);
    if (outer === undefined || (await whoHas(spec, place.namespace, place.name)) !== 'vm') return undefined;
    const isCutShort = endWordsOf(this.#folder, place.name, outer.up ? 'return' : 'remove');
    if (!outer.up && !isCutShort) return undefined;
    if (!outer.up) await ipBatch(linesUp(place.name));
    await this.#keep(place);
    return new LightVm(place, events);
  }

  async receive(spec: VmSpec, port: string, options: MoveOptions, events: VmEvents): Promise<ReceivingVm> {
    const place = this.#placeOf(spec, port);
    const obstacles = [...this.#namespaceObstacles(place, true), ...(await nameObstacles(place))];
    const [first] = obstacles.filter((obstacle) => obstacle.blocking);
    if (first === undefined) return new Arrival(place, options, events);
    const hint = first.hint === undefined ? {} : { hint: first.hint };
    throw new VnetError('VNET_ERR_CONFLICT', first.message, hint);
  }

  #placeOf(spec: VmSpec, port: string): LightPlace {
    const { namespace } = spec.machine as NetnsMachine;
    if (spec.machine.driver !== 'netns' || !NAMESPACE_NAME.test(namespace)) {
      throw new VnetError(
        'VNET_ERR_INVALID',
        `expected the name of a network namespace, got '${namespace}'`,
        {
          hint: 'take one that `ip netns` lists',
        },
      );
    }
    return { spec, namespace, name: interfaceOf(port), folder: this.#folder };
  }

  /** For the moves to come. */
  async #keep({ spec, namespace }: LightPlace): Promise<void> {
    await Promise.all([keepWire(this.#folder, spec, namespace), keepNeighbours(namespace)]);
  }

  #namespaceObstacles({ namespace }: LightPlace, moves: boolean): VmObstacle[] {
    if (networkNamed(namespace) !== undefined) return [];
    if (!moves)
      return [{ kind: 'state', message: `the namespace ${namespace} will be made, empty`, blocking: false }];
    const message = `there is no namespace ${namespace} on this machine`;
    const hint = 'a light VM moves between hosts of one machine: the hosts of one lab';
    return [{ kind: 'reach', message, hint, blocking: true }];
  }
}

/** An interface of that name that is not the VM's would keep its own from coming. */
async function nameObstacles({ spec, namespace, name }: LightPlace): Promise<VmObstacle[]> {
  if (!interfaceNames().has(name) || (await whoHas(spec, namespace, name)) === 'vm') return [];
  return [obstacleOf('port', nameTaken(spec.name, name))];
}

function obstacleOf(kind: VmObstacle['kind'], thrown: unknown): VmObstacle {
  const { message, hint } = VnetError.from(thrown);
  return { kind, message, ...(hint === undefined ? {} : { hint }), blocking: true };
}

function mayMakeNamespaces(): boolean {
  const [, effective = '0'] = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  const held = BigInt(`0x${effective}`);
  return [CAP_NET_ADMIN, CAP_SYS_ADMIN].every((bit) => (held >> bit) & 1n);
}
