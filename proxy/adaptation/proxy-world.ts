/** What the controller sees and acts on, where it runs for real: this overlay. */
import {
  type AdaptAction,
  type Adapted,
  type AdaptProgress,
  type AdaptRecord,
  type LinkType,
  type MatrixView,
  type TopologyView,
  VnetError,
} from '../../core/index.js';
import type { AdaptWorld, ControllerMemory, Snapshot, SnapshotVm } from '../../vadapt/index.js';
import type { Place } from '../lowering/index.js';
import type { Vms } from '../migration/index.js';
import type { Overlay } from '../overlay.js';
import type { Sight } from '../sight/sight.js';
import { carryOut } from './carry-out.js';
import type { Stayed } from './moving.js';
import { Refusals } from './refusals.js';

/** Where the controller's memory is kept. */
export const MEMORY_KEY = 'adaptation';

export interface ProxyWorldOptions {
  overlay: Overlay;
  sight: Pick<Sight, 'matrix' | 'topology' | 'underlayView' | 'loads'>;
  vms: Pick<Vms, 'statuses' | 'machines' | 'moveVms'>;
}

export class ProxyWorld implements AdaptWorld {
  readonly #options: ProxyWorldOptions;
  readonly #refusals: Refusals;
  readonly #closing = new AbortController();
  /** One change at a time: the one before, over or not. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ProxyWorldOptions) {
    this.#options = options;
    this.#refusals = new Refusals(options.overlay.options.clock);
  }

  /** Aborts when the Proxy stops. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  networks(): string[] {
    return this.#options.overlay.topology.networks.map(({ name }) => name);
  }

  snapshot(network: string): Snapshot | undefined {
    const { overlay, sight, vms } = this.#options;
    const { topology, intent } = overlay;
    if (!this.networks().includes(network)) return undefined;
    const matrix: MatrixView = sight.matrix(network);
    return {
      atMs: overlay.options.clock.now(),
      network,
      revision: intent.revision,
      topology,
      adapted: intent.adapted,
      matrix,
      settled: isSteady(sight.topology(network), Date.now()),
      underlay: sight.underlayView(),
      ready: [...overlay.members.values()].filter(({ ready }) => ready).map(({ host }) => host),
      loads: sight.loads(),
      machines: vms.machines(),
      vms: this.#vms(network),
      links: this.#links(),
    };
  }

  carryOut(
    _network: string,
    actions: readonly AdaptAction[],
    _adapted: Adapted,
    progress?: (progress: AdaptProgress) => void,
  ): Promise<{ stayed: Stayed[] }> {
    const { overlay, vms } = this.#options;
    const { closing } = this;
    const run = async () => {
      closing.throwIfAborted();
      const onRefusal = (vm: string, host: string, reason: string) => this.#refusals.note(vm, host, reason);
      return carryOut(actions, { overlay, vms, closing, progress, onRefusal });
    };
    const turn = this.#turn.then(run, run);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** After `close` nothing is: what was begun is for the next start to find. */
  async save(memory: ControllerMemory): Promise<void> {
    this.#closing.signal.throwIfAborted();
    await this.#options.overlay.options.store.write(MEMORY_KEY, memory);
  }

  announce({ id, network, outcome, reason, actions, predictedGain, measuredGain }: AdaptRecord): void {
    const { overlay } = this.#options;
    overlay.emit({ kind: 'adaptation', network, record: id, outcome, text: reason });
    const fields = { record: id, network, outcome, actions: actions.length, predictedGain, measuredGain };
    overlay.options.log.info(fields, `adaptation: ${reason}`);
  }

  /** What is half done stays as it is, and rejects. */
  close(): void {
    this.#closing.abort(new VnetError('VNET_ERR_CLOSED', 'the Proxy is stopping'));
  }

  #vms(network: string): SnapshotVm[] {
    const { overlay, vms } = this.#options;
    const refused = this.#refusals.all();
    const learnt = overlay.registry
      .places(overlay.topology)
      .filter((place) => place.learnt && place.network === network);
    return [
      ...vms.statuses().map((vm) => ({ ...vm, learnt: false, refusedBy: refused.get(vm.vm) ?? {} })),
      ...learnt.map(learntVm),
    ];
  }

  /** Those there are now, each once, up where both ends say so; not those made for a trial. */
  #links(): Snapshot['links'] {
    const { members, liveness } = this.#options.overlay;
    const links: { type: LinkType; a: string; b: string; up: boolean }[] = [];
    for (const { host, installed } of members.values()) {
      for (const { peer, type, owner } of installed?.links ?? []) {
        const isTrial = owner === 'auto' && type === 'udp';
        if (host > peer || isTrial) continue;
        const up = liveness.isUp({ host, peer, type }) && liveness.isUp({ host: peer, peer: host, type });
        links.push({ type, a: host, b: peer, up });
      }
    }
    return links;
  }
}

function learntVm({ name, network, host }: Place): SnapshotVm {
  return {
    vm: name,
    network,
    host,
    pinned: true,
    memoryBytes: 0,
    cpus: 0,
    mayRunOn: [],
    learnt: true,
    refusedBy: {},
  };
}

/** Reaction times of VTTIF that a union stands unchanged until it is taken for the application's topology. */
const UNION_REACTIONS = 2;

/** Topologies that change faster than can be told apart are one, their union, as soon as nothing new comes to it. */
function isSteady({ state, since, parameters }: TopologyView, nowMs: number): boolean {
  const reactionMs = parameters.smoothingMs + 2 * parameters.updateMs;
  return (
    state === 'settled' || (state === 'union' && nowMs - Date.parse(since) >= UNION_REACTIONS * reactionMs)
  );
}
