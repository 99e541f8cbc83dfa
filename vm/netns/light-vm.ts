/** A light VM that stands on this host: its interface is here. Its processes are the user's; nothing here ends them. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import {
  type MoveTransfer,
  type OutgoingVm,
  type RunningVm,
  type VmEvents,
  type VmSpec,
  type VmTicket,
  VnetError,
} from '../../core/index.js';
import { moveGroups, ownGroups } from './cpu-group.js';
import { networkNamed } from './identity.js';
import { interfaceNames } from './interfaces.js';
import { ipBatch, prepareIp } from './ip.js';
import { PRESENCE_POLL_MS } from './limits.js';
import { recentScan } from './processes.js';
import { keepWord, type NetnsTicket, readTicket, returnWord, takeWord } from './ticket.js';
import { linesUp, outerEnd } from './wire.js';

export interface LightPlace {
  spec: VmSpec;
  namespace: string;
  /** The host's end. */
  name: string;
  /** Where wires are remembered, and tickets lie. */
  folder: string;
}

export class LightVm implements RunningVm {
  readonly #place: LightPlace;
  readonly #events: VmEvents;
  readonly #presence: NodeJS.Timeout;
  #sending = false;

  constructor(place: LightPlace, events: VmEvents) {
    this.#place = place;
    this.#events = events;
    this.#presence = setInterval(() => this.#look(), PRESENCE_POLL_MS);
    this.#presence.unref();
  }

  async state(): Promise<'running' | 'paused'> {
    const outer = await outerEnd(this.#place.name);
    if (outer !== undefined) return outer.up ? 'running' : 'paused';
    const { spec, name } = this.#place;
    throw new VnetError(
      'VNET_ERR_NOT_FOUND',
      `the VM ${spec.name} is not here: its interface ${name} is gone`,
    );
  }

  /** Takes the host's end down. There is nobody to ask, so `graceMs` is not used. */
  async stop(): Promise<void> {
    this.#refuseWhileSending();
    if (interfaceNames().has(this.#place.name)) await ipBatch([`link set dev ${this.#place.name} down`]);
    this.#end('stopped', true);
  }

  send(ticket: VmTicket, _options: unknown, progress: (transfer: MoveTransfer) => void): OutgoingVm {
    this.#refuseWhileSending();
    this.#sending = true;
    const order = { cancelled: false };
    const done = this.#send(ticket, order)
      .then(() => {
        progress(MOVED);
        this.#end('moved to another host', true);
      })
      .finally(() => void (this.#sending = false));
    done.catch(() => {}); // told to whoever looks at it
    return {
      done,
      cancel: async () => {
        order.cancelled = true;
        await done.catch(() => {}); // it is over within milliseconds, one way or the other
      },
    };
  }

  async processes(): Promise<readonly number[]> {
    const network = networkNamed(this.#place.namespace);
    return network === undefined ? [] : recentScan.processesOf(network);
  }

  release(): void {
    clearInterval(this.#presence);
  }

  #refuseWhileSending(): void {
    if (!this.#sending) return;
    throw new VnetError('VNET_ERR_CONFLICT', `the VM ${this.#place.spec.name} is being moved`, {
      hint: 'wait for it; it takes milliseconds',
    });
  }

  /** What can fail, and what takes time, comes before the VM is cut off. */
  async #send(given: VmTicket, order: { cancelled: boolean }): Promise<void> {
    const { spec, namespace, name, folder } = this.#place;
    const ticket = readTicket(given);
    if (ticket.interface !== name) throw otherName(name, ticket.interface);
    const network = networkNamed(namespace) ?? '';
    const here = ownGroups();
    const tool = prepareIp();
    try {
      await moveGroups(network, here, ticket.cpuGroups);
      if (order.cancelled) throw new VnetError('VNET_ERR_CLOSED', `the move of ${spec.name} was cancelled`);
      if (!takeWord(folder, ticket)) throw notAwaited(spec.name);
      await this.#handOver(ticket, tool);
    } catch (thrown) {
      await moveGroups(network, ticket.cpuGroups, here).catch(() => {}); // why it failed is what to tell
      throw thrown;
    } finally {
      tool.drop();
    }
  }

  async #handOver(ticket: NetnsTicket, tool: { run(lines: string[]): Promise<string> }): Promise<void> {
    const { name, folder } = this.#place;
    const target = openNetwork(ticket);
    this.#events.paused();
    try {
      await tool.run([`link set dev ${name} netns /proc/${process.pid}/fd/${target}`]);
      keepWord(folder, ticket);
    } catch (thrown) {
      if (!interfaceNames().has(name)) return; // it has left all the same; the destination sees that by itself
      await ipBatch(linesUp(name));
      this.#events.running();
      returnWord(folder, ticket);
      throw thrown;
    } finally {
      closeSync(target);
    }
  }

  #look(): void {
    if (this.#sending || interfaceNames().has(this.#place.name)) return;
    this.#end(`its interface ${this.#place.name} has left this host`, false);
  }

  #end(reason: string, expected: boolean): void {
    this.release();
    setImmediate(() => this.#events.ended(reason, expected));
  }
}

/** Nothing is copied: the processes stay where they are. */
const MOVED: MoveTransfer = {
  transferredBytes: 0,
  remainingBytes: 0,
  totalBytes: 0,
  bitsPerSecond: 0,
  dirtyBytesPerSecond: 0,
  rounds: 0,
  postCopy: false,
};

/** The destination's very namespace: a number alone might by now be another process's. */
function openNetwork(ticket: NetnsTicket): number {
  let fd: number | undefined;
  try {
    fd = openSync(`/proc/${ticket.pid}/ns/net`, 'r');
    if (`net:[${fstatSync(fd).ino}]` === ticket.network) return fd;
  } catch {
    // it ended this very moment
  }
  if (fd !== undefined) closeSync(fd);
  throw new VnetError('VNET_ERR_UNREACHABLE', `the destination's daemon (process ${ticket.pid}) is gone`);
}

function notAwaited(vm: string): VnetError {
  return new VnetError('VNET_ERR_CONFLICT', `the destination does not wait for the VM ${vm} any more`, {
    hint: 'it gave up, or it has another /run than this host: move again, or start both daemons with one /run',
  });
}

function otherName(here: string, there: string): VnetError {
  return new VnetError('VNET_ERR_INVALID', `the interface is ${here} here and ${there} at the destination`, {
    hint: 'a light VM has one port on all hosts: give it in its statement, port packet:NAME',
  });
}
