/** What all parts of the Proxy's role share: the intent, the registry, the hosts, and one queue of changes. */
import {
  type Change,
  type ChangeProgress,
  type Clock,
  type Endpoint,
  type Host,
  type OverlayEvent,
  type OverlayView,
  type Store,
  type Topology,
  TOPOLOGY_LISTS,
  VnetError,
} from '../core/index.js';
import { Announcer, type EventBody } from './announcer.js';
import { Completion } from './completion.js';
import { Executor, type Job, Member } from './executor/index.js';
import { type Intent, IntentKeeper, REVISIONS_A_START } from './intent.js';
import { Liveness } from './liveness.js';
import { type LinkIdentities, type Lowered, Lowering, type SuspendedRoute } from './lowering/index.js';
import type { Registry } from './registry.js';
import { TreeWatch } from './tree-watch.js';

/** Changes of the registry within this time are written once. */
const REGISTRY_SAVE_MS = 500;
/** After a restart, paths through hosts that are not back yet are kept this long. */
const RETURN_GRACE_MS = 5000;

/** The bound on configuration time while nobody has set one and nothing slower was measured, milliseconds. */
const DEFAULT_BOUND_MS = 1000;

/** A switch of paths waits this long for its new links; those that are later, the ground carries for. */
const LINKS_UP_MS = 1000;
/** With a change of more statements, events are looked at between its stages. */
const LARGE_STATEMENTS = 1000;

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
}

/** What the user wants to own, and how it differs from what the user owns. */
export interface Wanted {
  topology: Topology;
  change: Change;
}

export class Overlay {
  readonly options: OverlayOptions;
  readonly members = new Map<string, Member>();
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
  readonly #lowering = new Lowering();
  /** Hosts whose phase may have changed since it was announced. */
  readonly #moved = new Set<string>();
  /** Hosts that `members` was brought in line with. */
  #synced: Topology['hosts'] = [];
  #auto: { version: number; hosts: ReadonlyMap<string, Host> } = { version: -1, hosts: new Map() };
  #queue: Promise<unknown> = Promise.resolve();
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
    this.liveness = new Liveness(() => this.trees.look());
    this.trees = new TreeWatch({
      clock,
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
    this.#syncMembers();
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
  readonly complete = (user: Topology): Topology => this.#completion.complete(user, this.#autoHosts());

  get topology(): Topology {
    return this.complete(this.intent.topology);
  }

  /** Hosts that nobody named: those that joined with their token, and those that are connected. */
  #autoHosts(): ReadonlyMap<string, Host> {
    const { hostsVersion, autoHosts } = this.registry;
    const before = this.#auto.hosts;
    if (this.#auto.version === hostsVersion) return before;
    const hosts = new Map(autoHosts);
    for (const { host, session } of this.members.values()) {
      if (session && host !== this.options.name && !hosts.has(host))
        hosts.set(host, before.get(host) ?? { name: host });
    }
    const isSame =
      hosts.size === before.size && [...hosts].every(([name, host]) => before.get(name) === host);
    this.#auto = { version: hostsVersion, hosts: isSame ? before : hosts };
    return this.#auto.hosts;
  }

  /** Known from now on, whoever it is. */
  memberOf(host: string): Member {
    const known = this.members.get(host);
    if (known) return known;
    const made = new Member(host, (member) => {
      this.#moved.add(member.host);
      this.#auto.version = -1;
    });
    this.#moved.add(host);
    this.members.set(host, made);
    return made;
  }

  /** Hosts whose part would not arrive now. */
  unusable(): Set<string> {
    return new Set([...this.members.values()].filter((member) => !member.usable).map(({ host }) => host));
  }

  /** The parts of all hosts. Costs what differs from the call before. */
  lower(user: Topology, unusable: ReadonlySet<string>, identities: LinkIdentities): Lowered {
    const topology = this.complete(user);
    const places = this.registry.places(topology);
    const { secret } = this.options;
    return this.#lowering.lower({
      topology,
      places,
      epochs: this.epochs,
      identities,
      secret,
      unusable,
      fallen: this.trees.fallen,
    });
  }

  /** One job at a time, in the order they were asked for. */
  enqueue<T>(job: () => Promise<T>): Promise<T> {
    if (this.closed) return Promise.reject(new VnetError('VNET_ERR_CLOSED', 'the Proxy is stopping'));
    const next = this.#queue.then(job).finally(() => this.announcePhases());
    this.#queue = next.catch(() => {}); // Whoever asked for it gets the error.
    return next;
  }

  /** Takes no more jobs; resolves when those asked for are done and everything is stored. */
  async close(): Promise<void> {
    this.closed = true;
    this.#cancelGrace();
    this.trees.close();
    for (let last: unknown; last !== this.#queue; ) {
      last = this.#queue;
      await this.#queue;
    }
    await this.#keeper.close();
    await this.saveRegistry();
  }

  /**
   * Makes the hosts equal to what is wanted, and that what the user owns. Call it from within the queue.
   * Without `wanted` nothing of the intent changes: hosts came or went, addresses were learnt.
   */
  async transition(wanted?: Wanted, progress?: (progress: ChangeProgress) => void): Promise<string[]> {
    if (wanted) for (const member of this.members.values()) member.presumed &&= member.session !== undefined;
    const topology = wanted?.topology ?? this.intent.topology;
    const isLarge = wanted !== undefined && sizeOf(wanted.change) > LARGE_STATEMENTS;
    if (isLarge) await breath();
    let identities = this.identities;
    let promised: Intent | undefined;
    let promising: Promise<void> | undefined;
    const next = (): Intent => ({
      ...this.intent,
      serial: this.intent.serial + 1,
      topology,
      revision: this.intent.revision + (wanted ? 1 : 0),
      identities,
      epochs: Object.fromEntries(this.epochs),
      fallen: [...this.trees.fallen],
    });
    const job: Job = {
      internal: wanted === undefined,
      isLarge,
      progress,
      lower: (unusable) => {
        const lowered = this.lower(topology, unusable, identities);
        identities = lowered.identities;
        return lowered;
      },
      journal: async (hosts, switching) => {
        if (switching) return this.#keeper.begin(hosts);
        if (!wanted) return;
        if (isLarge) await breath();
        promised = next();
        promising = this.#keeper.promise(promised, wanted.change, hosts);
        return promising;
      },
      commit: async (lowered) => {
        await this.#commit(next(), promised, wanted);
        this.suspended = lowered.suspended;
        this.identities = identities;
      },
    };
    const pending = await this.#execute(job, () => promising);
    this.#syncMembers();
    this.announcer.places(this.registry.places(this.topology));
    this.trees.follow(this.intent.topology.rules);
    return pending;
  }

  /** The hosts run it: from here the change stands. */
  async #commit(intent: Intent, promised: Intent | undefined, wanted: Wanted | undefined): Promise<void> {
    const isPromised = promised !== undefined && sameEpochs(promised.epochs, intent.epochs);
    const isNothing =
      !wanted &&
      sameKeys(intent.identities, this.intent.identities) &&
      sameEpochs(intent.epochs, this.intent.epochs) &&
      intent.fallen.join() === this.intent.fallen.join();
    if (isNothing) return;
    if (!isPromised) await this.#keeper.promise(intent, wanted?.change);
    this.#keeper.settle(isPromised ? promised : intent);
  }

  /** A change that does not come to pass must not be taken up from the journal by the next start. */
  async #execute(job: Job, promising: () => Promise<void> | undefined): Promise<string[]> {
    try {
      return (await this.executor.run(job)).pending;
    } catch (thrown) {
      const promise = promising();
      if (promise) {
        await promise.catch(() => {}); // Then it is what was thrown, or another error came first.
        await this.#keeper.retract();
      }
      throw thrown;
    }
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
    if (this.#moved.size > 0) this.trees.look();
    this.announcer.phases(this.topology.hosts, this.#moved, (host) => this.members.get(host));
    this.#moved.clear();
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
    const isHeard = (host: string) => this.members.get(host)?.session !== undefined;
    return (isHeard(a) && !this.liveness.isLive(a, b)) || (isHeard(b) && !this.liveness.isLive(b, a));
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

  #syncMembers(): void {
    const { hosts } = this.topology;
    if (hosts === this.#synced && this.#moved.size === 0) return;
    this.#synced = hosts;
    const names = new Set(hosts.map(({ name }) => name));
    for (const host of names) this.memberOf(host);
    for (const [host, member] of this.members)
      if (!names.has(host) && !member.session) this.members.delete(host);
  }
}

function sizeOf({ add, remove }: Change): number {
  return TOPOLOGY_LISTS.reduce((sum, list) => sum + add[list].length + remove[list].length, 0);
}

/** Lets everybody else have a turn. */
function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function sameKeys(a: LinkIdentities, b: LinkIdentities): boolean {
  return a === b || (a.size === b.size && [...a.keys()].every((key) => b.has(key)));
}

function sameEpochs(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): boolean {
  const [ids, others] = [Object.keys(a), Object.keys(b)];
  return ids.length === others.length && ids.every((id) => a[id] === b[id]);
}
