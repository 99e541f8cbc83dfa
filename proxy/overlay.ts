/** What all parts of the Proxy's role share: the intent, the registry, the hosts, and one queue of changes. */
import {
  type Adapted,
  type ChangeProgress,
  type Clock,
  emptyChange,
  type Endpoint,
  NOTHING_ADAPTED,
  type OverlayEvent,
  type OverlayView,
  type Store,
  type Topology,
  VnetError,
} from '../core/index.js';
import { Announcer, type EventBody } from './announcer.js';
import { breath, ChangeJob, type Owned, type Wanted } from './change-job.js';
import { Completion } from './completion.js';
import { Executor, type Member } from './executor/index.js';
import { type Intent, IntentKeeper, REVISIONS_A_START } from './intent.js';
import { JobQueue } from './job-queue.js';
import { Liveness } from './liveness.js';
import {
  type LinkIdentities,
  type Lowered,
  Lowering,
  NO_TRIALS,
  type SuspendedRoute,
  type Trial,
} from './lowering/index.js';
import type { Registry } from './registry.js';
import { Roster } from './roster.js';
import { type TreeTimers, TreeWatch } from './tree-watch.js';

/** Changes of the registry within this time are written once. */
const REGISTRY_SAVE_MS = 500;
/** After a restart, paths through hosts that are not back yet are kept this long. */
const RETURN_GRACE_MS = 5000;

/** The bound on configuration time while nobody has set one and nothing slower was measured, milliseconds. */
const DEFAULT_BOUND_MS = 1000;

/** A switch of paths waits this long for its new links; those that are later, the ground carries for. */
const LINKS_UP_MS = 1000;

/** As pino's: fields, then a sentence. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Random octets that nobody can guess. */
export type SecretSource = (octets: number) => Uint8Array;

export interface OverlayOptions {
  name: string;
  endpoint?: Endpoint | undefined;
  store: Store;
  clock: Clock;
  log: Log;
  secret: SecretSource;
  intent: Intent;
  registry: Registry;
  /** Hosts of a change that was under way when the Proxy stopped: nobody knows what they run. */
  uncertain: readonly string[];
  treeTimers: TreeTimers;
}

export class Overlay {
  readonly options: OverlayOptions;
  readonly registry: Registry;
  readonly executor: Executor;
  readonly epochs: Map<number, number>;
  readonly announcer = new Announcer();
  readonly liveness: Liveness;
  readonly trees: TreeWatch;
  /** Of all links there are, those of hosts that have just come included; stored with the next commit. */
  identities: LinkIdentities;
  suspended: SuspendedRoute[] = [];
  closed = false;
  readonly #keeper: IntentKeeper;
  readonly #completion: Completion;
  readonly #roster: Roster;
  readonly #lowering = new Lowering();
  #trials = NO_TRIALS;
  /** As if every host were there: kept apart, since going from one to the other would cost all that differs. */
  readonly #ideal = new Lowering();
  readonly #jobs = new JobQueue(() => this.announcePhases());
  #reconcileQueued = false;
  #revision: number;
  #cancelSave: (() => void) | undefined;
  #cancelGrace = () => {};

  constructor(options: OverlayOptions) {
    const { clock, store, intent, name, endpoint, log } = options;
    this.options = options;
    this.#keeper = new IntentKeeper(store, clock, intent, (error) =>
      log.error({ err: error }, 'cannot store the intent whole; the journal holds what changed'),
    );
    this.#completion = new Completion(name, endpoint);
    this.identities = intent.identities;
    this.registry = options.registry;
    this.#roster = new Roster(name, options.registry);
    this.liveness = new Liveness(({ host, peer }) => this.trees.look(host, peer));
    this.trees = new TreeWatch({
      clock,
      timers: options.treeTimers,
      isDead: (a, b) => this.#isDead(a, b),
      onTurn: (network, isFallen) => this.#turnTree(network, isFallen),
      fallen: intent.fallen,
    });
    this.epochs = new Map(Object.entries(intent.epochs).map(([id, epoch]) => [Number(id), epoch]));
    this.#revision = intent.generation * REVISIONS_A_START;
    this.executor = new Executor({
      clock,
      members: this.members,
      epochs: this.epochs,
      nextRevision: this.nextRevision,
      onLost: (host, error) => this.#lost(host, error),
      onMake: (ends) => this.liveness.forget(ends),
      // A link beside one that is up already is not waited for: frames take that one meanwhile.
      whenUp: (ends) =>
        this.liveness.whenUp(
          ends.filter(({ host, peer }) => !this.liveness.isLive(host, peer)),
          clock,
          LINKS_UP_MS,
        ),
      cleanLater: (delayMs) => {
        clock.after(delayMs, () => void this.enqueue(() => this.executor.clean()).catch(() => {}));
      },
    });
    this.#roster.sync(this.topology.hosts);
    this.#presume();
    this.announcer.places(this.registry.places(this.topology), true);
    this.trees.follow(intent.topology.rules);
    this.announcePhases();
  }

  readonly nextRevision = (): number => {
    this.#revision += 1;
    return this.#revision;
  };

  get intent(): Intent {
    return this.#keeper.intent;
  }

  /** Of primitive 8: the bound that holds, and the slowest change so far, milliseconds. */
  get configurationTime(): OverlayView['configurationTime'] {
    const { boundMs, measuredMs } = this.intent;
    return { boundMs: boundMs ?? Math.max(DEFAULT_BOUND_MS, measuredMs), measuredMs };
  }

  onEvent(listener: (event: OverlayEvent) => void): () => void {
    return this.announcer.onEvent(listener);
  }

  emit(body: EventBody): void {
    this.announcer.emit(body);
  }

  /** The user's topology with everything that is there without a statement. */
  readonly complete = (user: Topology): Topology => this.#completion.complete(user, this.#roster.autoHosts());

  get topology(): Topology {
    return this.complete(this.intent.topology);
  }

  get members(): ReadonlyMap<string, Member> {
    return this.#roster.members;
  }

  memberOf(host: string): Member {
    return this.#roster.memberOf(host);
  }

  /** Hosts whose part would not arrive now. */
  unusable(): Set<string> {
    return this.#roster.unusable();
  }

  /** The parts of all hosts. Costs what differs from the call before. */
  lower(
    owned: Owned,
    unusable: ReadonlySet<string>,
    identities: LinkIdentities,
    fallen: ReadonlySet<string> = this.trees.fallen,
  ): Lowered {
    return this.#lowerBy(this.#lowering, owned, unusable, identities, fallen);
  }

  /** Throws what lowering would throw if every host were there: clashes show even where a route is suspended today. */
  refuseClashes(user: Topology): void {
    this.#lowerBy(
      this.#ideal,
      { topology: user, adapted: NOTHING_ADAPTED },
      new Set(),
      this.identities,
      new Set(),
    );
  }

  #lowerBy(
    lowering: Lowering,
    { topology: user, adapted }: Owned,
    unusable: ReadonlySet<string>,
    identities: LinkIdentities,
    fallen: ReadonlySet<string>,
  ): Lowered {
    const topology = this.complete(user);
    const places = this.registry.places(topology);
    const { secret } = this.options;
    return lowering.lower({
      topology,
      adapted,
      places,
      epochs: this.epochs,
      identities,
      secret,
      unusable,
      fallen,
      trials: this.#trials,
    });
  }

  /** By a link that paths may use. */
  isLinked(a: string, b: string): boolean {
    const isTrial = this.#trials.some((trial) => trial.includes(a) && trial.includes(b));
    return !isTrial && (this.members.get(a)?.installed?.links.some(({ peer }) => peer === b) ?? false);
  }

  /** Links for a while, that no path uses; they replace those before. */
  setTrials(trials: readonly Trial[]): void {
    this.#trials = trials;
    this.reconcile();
  }

  /** One job at a time, in the order they were asked for; `urgent` ones before all that wait. */
  enqueue<T>(job: () => Promise<T>, order: { urgent?: boolean } = {}): Promise<T> {
    if (this.closed) return Promise.reject(new VnetError('VNET_ERR_CLOSED', 'the Proxy is stopping'));
    return this.#jobs.add(job, order.urgent ?? false);
  }

  /** Takes no more jobs; resolves when those asked for are done and everything is stored. */
  async close(): Promise<void> {
    this.closed = true;
    this.#cancelGrace();
    this.trees.close();
    await this.#jobs.idle();
    await this.#keeper.close();
    await this.saveRegistry();
  }

  /**
   * Makes the hosts equal to what is wanted, and that what the user owns. Call it from within the queue.
   * Without `wanted` nothing of the intent changes: hosts came or went, addresses were learnt. `strict`: a host that
   * refuses then undoes it all the same.
   */
  async transition(
    wanted?: Wanted,
    progress?: (progress: ChangeProgress) => void,
    strict = false,
  ): Promise<string[]> {
    if (wanted) for (const member of this.members.values()) member.presumed &&= member.session !== undefined;
    const job = new ChangeJob({
      keeper: this.#keeper,
      wanted,
      strict,
      progress,
      epochs: this.epochs,
      identities: this.identities,
      fallen: this.trees.fallen,
      lower: (...input) => this.lower(...input),
      onCommit: ({ suspended, identities }) => {
        this.suspended = suspended;
        this.identities = identities;
      },
    });
    if (job.isLarge) await breath();
    const { pending } = await this.executor.run(job).catch(async (thrown: unknown) => {
      await job.giveUp();
      throw thrown;
    });
    this.#roster.sync(this.topology.hosts);
    this.announcer.places(this.registry.places(this.topology));
    this.trees.follow(this.intent.topology.rules);
    return pending;
  }

  /** Makes this what adaptation owns; what the user owns stays. Call it from within the queue. */
  async adapt(adapted: Adapted, progress?: (progress: ChangeProgress) => void): Promise<string[]> {
    const { topology } = this.intent;
    return this.transition({ topology, change: emptyChange(), adapted }, progress);
  }

  /** The intent with these parts changed is safe when it resolves. */
  async write(parts: Pick<Intent, 'boundMs'>): Promise<void> {
    const intent = { ...this.intent, ...parts, serial: this.intent.serial + 1 };
    await this.#keeper.promise(intent, undefined);
    this.#keeper.settle(intent);
  }

  /** A change took so long. */
  measured(tookMs: number): void {
    if (tookMs > this.intent.measuredMs) this.#keeper.note({ measuredMs: tookMs });
  }

  /** Brings the hosts in line with the intent again, soon; asked for many times, done once. */
  reconcile(): void {
    if (this.#reconcileQueued || this.closed) return;
    this.#reconcileQueued = true;
    this.enqueue(async () => {
      this.#reconcileQueued = false;
      await this.transition();
    }).catch((thrown) =>
      this.options.log.error({ err: thrown }, 'cannot bring the hosts in line with the intent'),
    );
  }

  saveRegistrySoon(): void {
    if (this.#cancelSave) return;
    this.#cancelSave = this.options.clock.after(REGISTRY_SAVE_MS, () => void this.saveRegistry());
  }

  async saveRegistry(): Promise<void> {
    this.#cancelSave?.();
    this.#cancelSave = undefined;
    try {
      await this.options.store.write('registry', this.registry.state(this.intent.topology));
    } catch (thrown) {
      this.options.log.error(
        { err: thrown },
        'cannot store the registry; learnt addresses may be lost by a restart',
      );
    }
  }

  announcePhases(): void {
    const moved = this.#roster.takeMoved();
    if (moved.length > 0) this.trees.lookAtAll();
    this.announcer.phases(this.topology.hosts, moved, (host) => this.members.get(host));
  }

  /** Their daemons went on by themselves: paths through them need not fall to the star and come back. */
  #presume(): void {
    const { uncertain, clock } = this.options;
    for (const member of this.members.values()) member.presumed = !uncertain.includes(member.host);
    this.#cancelGrace = clock.after(RETURN_GRACE_MS, () => {
      const late = [...this.members.values()].filter(({ presumed }) => presumed);
      for (const member of late) member.presumed = false;
      if (late.length > 0) this.reconcile();
    });
  }

  #lost(host: string, error: VnetError): void {
    this.options.log.warn({ host, err: error }, 'a host was lost in the middle of a step');
    this.emit({ kind: 'error', host, error: error.toBody() });
    this.reconcile();
  }

  /** Whom we do not hear says nothing; a host that is gone is missed by the other end. */
  #isDead(a: string, b: string): boolean {
    const misses = (host: string, peer: string) =>
      this.#roster.isHeard(host) && !this.liveness.isLive(host, peer);
    return misses(a, b) || misses(b, a);
  }

  #turnTree(network: string, isFallen: boolean): void {
    const edges = this.trees.deadEdges(network);
    this.enqueue(async () => {
      await this.transition();
      this.emit({ kind: 'tree', network, fallen: isFallen, edges });
      const way = isFallen ? 'take the star: an edge of their tree is dead' : 'take their own tree again';
      this.options.log.warn({ network, edges }, `group frames ${way}`);
    }).catch((thrown) =>
      this.options.log.error({ err: thrown, network }, 'cannot move the tree of group frames'),
    );
  }
}
