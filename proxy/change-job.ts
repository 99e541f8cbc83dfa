/** One change of the overlay, as the executor carries it out: what it lowers to, when it is stored, when it stands. */
import {
  type Adapted,
  type Change,
  type ChangeProgress,
  type ChangeRequest,
  isEmptyChange,
  type Topology,
  TOPOLOGY_LISTS,
} from '../core/index.js';
import type { Job } from './executor/index.js';
import type { Intent, IntentKeeper } from './intent.js';
import type { LinkIdentities, Lowered } from './lowering/index.js';

/** With a change of more statements, events are looked at between its stages. */
const LARGE_STATEMENTS = 1000;

/** What is there because somebody wants it: the user's, and beside it what adaptation made. */
export interface Owned {
  topology: Topology;
  adapted: Adapted;
}

/** What the user wants to own, and how it differs from what the user owns. */
export interface Wanted {
  topology: Topology;
  change: Change;
  /** What adaptation is to own. Default: as it is. */
  adapted?: Adapted;
}

export interface ChangeJobOptions {
  keeper: IntentKeeper;
  /** Absent: nothing of the user's changes; hosts came or went, addresses were learnt. */
  wanted: Wanted | undefined;
  /** A host that refuses is obeyed, though the user changes nothing. Default false. */
  strict?: boolean;
  progress: ((progress: ChangeProgress) => void) | undefined;
  /** As they are; the executor moves them. */
  epochs: ReadonlyMap<number, number>;
  /** Of the links there are. */
  identities: LinkIdentities;
  /** Names of networks whose group frames take the star. */
  fallen: ReadonlySet<string>;
  lower(
    owned: Owned,
    unusable: ReadonlySet<string>,
    identities: LinkIdentities,
    fallen: ReadonlySet<string>,
  ): Lowered;
  /** It stands. */
  onCommit(lowered: Lowered): void;
}

export class ChangeJob implements Job {
  readonly internal: boolean;
  readonly isLarge: boolean;
  readonly progress: Job['progress'];
  readonly #options: ChangeJobOptions;
  readonly #owned: Owned;
  #identities: LinkIdentities;
  /** What the journal holds before the change stands. */
  #promised: Intent | undefined;
  #promising: Promise<void> | undefined;

  constructor(options: ChangeJobOptions) {
    const { wanted, progress, keeper, identities } = options;
    this.#options = options;
    this.internal = wanted === undefined && !options.strict;
    this.isLarge = wanted !== undefined && sizeOf(wanted.change) > LARGE_STATEMENTS;
    this.progress = progress;
    const { topology, adapted } = keeper.intent;
    this.#owned = { topology: wanted?.topology ?? topology, adapted: wanted?.adapted ?? adapted };
    this.#identities = identities;
  }

  lower(unusable: ReadonlySet<string>): Lowered {
    const lowered = this.#options.lower(this.#owned, unusable, this.#identities, this.#options.fallen);
    this.#identities = lowered.identities;
    return lowered;
  }

  /** Epochs that move are noted before; without a switch the journal takes what the change leads to. */
  async journal(hosts: string[], switching: boolean): Promise<void> {
    const { keeper, wanted } = this.#options;
    if (switching) return keeper.begin(hosts);
    if (!wanted) return;
    this.#promising = this.#promise(wanted.change, hosts);
    return this.#promising;
  }

  /** Steps that do not wait for it leave first. */
  async #promise(change: Change, hosts: string[]): Promise<void> {
    await breath();
    this.#promised = this.#next();
    await this.#options.keeper.promise(this.#promised, change, hosts);
  }

  async commit(lowered: Lowered): Promise<void> {
    const { keeper, epochs, onCommit } = this.#options;
    const promised = this.#promised;
    if (promised && sameEpochs(promised.epochs, Object.fromEntries(epochs))) keeper.settle(promised);
    else await this.#store();
    onCommit(lowered);
  }

  async #store(): Promise<void> {
    const { keeper, wanted } = this.#options;
    const intent = this.#next();
    if (!wanted && isStored(intent, keeper.intent)) return;
    await keeper.promise(intent, wanted?.change);
    keeper.settle(intent);
  }

  /** A change that does not come to pass must not be taken up from the journal by the next start. */
  async giveUp(): Promise<void> {
    if (!this.#promising) return;
    await this.#promising.catch(() => {}); // Then it is why the change is given up, or another error came first.
    await this.#options.keeper.retract();
  }

  #next(): Intent {
    const { keeper, wanted, epochs, fallen } = this.#options;
    const { intent } = keeper;
    return {
      ...intent,
      serial: intent.serial + 1,
      ...this.#owned,
      revision: intent.revision + (wanted && !isEmptyChange(wanted.change) ? 1 : 0),
      identities: this.#identities,
      epochs: Object.fromEntries(epochs),
      fallen: [...fallen],
    };
  }
}

function sizeOf({ add, remove }: Change): number {
  return TOPOLOGY_LISTS.reduce((sum, list) => sum + add[list].length + remove[list].length, 0);
}

/** Of a request that is looked at for long. */
export function isLargeRequest(request: ChangeRequest): boolean {
  if (request.kind === 'change') return sizeOf(request.change) > LARGE_STATEMENTS;
  return TOPOLOGY_LISTS.reduce((sum, list) => sum + request.topology[list].length, 0) > LARGE_STATEMENTS;
}

/** Lets everybody else have a turn. */
export function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Nothing but the serial differs. */
function isStored(a: Intent, b: Intent): boolean {
  return (
    sameKeys(a.identities, b.identities) &&
    sameEpochs(a.epochs, b.epochs) &&
    a.fallen.join() === b.fallen.join()
  );
}

function sameKeys(a: LinkIdentities, b: LinkIdentities): boolean {
  return a === b || (a.size === b.size && [...a.keys()].every((key) => b.has(key)));
}

function sameEpochs(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): boolean {
  const [ids, others] = [Object.keys(a), Object.keys(b)];
  return ids.length === others.length && ids.every((id) => a[id] === b[id]);
}
