/** What all parts of the Proxy's role share: the intent, the registry, the hosts, and one queue of changes. */
import {
  type ChangeProgress,
  type Clock,
  type Endpoint,
  type Host,
  type HostPhase,
  type OverlayEvent,
  type Store,
  type Topology,
  VnetError,
} from '../core/index.js';
import { Executor, type Job, Member } from './executor/index.js';
import { completeTopology, type Intent, type Journal, REVISIONS_A_START } from './intent.js';
import { type LinkIdentities, lower, type Lowered, type SuspendedRoute } from './lowering/index.js';
import type { Registry } from './registry.js';

/** Changes of the registry within this time are written once. */
const REGISTRY_SAVE_MS = 500;
/** After a restart, paths through hosts that are not back yet are kept this long. */
const RETURN_GRACE_MS = 5000;

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

type EventBody = OverlayEvent extends infer E ? (E extends OverlayEvent ? Omit<E, 'at'> : never) : never;

export class Overlay {
  readonly options: OverlayOptions;
  readonly members = new Map<string, Member>();
  readonly registry: Registry;
  readonly executor: Executor;
  readonly epochs: Map<number, number>;
  intent: Intent;
  /** Of all links there are, those of hosts that have just come included; stored with the next commit. */
  identities: LinkIdentities;
  suspended: SuspendedRoute[] = [];
  closed = false;
  readonly #listeners = new Set<(event: OverlayEvent) => void>();
  readonly #phases = new Map<string, { phase: HostPhase; since: string }>();
  #whereabouts = new Map<string, string>();
  #queue: Promise<unknown> = Promise.resolve();
  #reconcileQueued = false;
  #revision: number;
  #cancelSave: (() => void) | undefined;
  #cancelGrace = () => {};
  /** The write of an intent that the journal holds already; resolves with the error, if there is one. */
  #late: Promise<VnetError | undefined> = Promise.resolve(undefined);

  constructor(options: OverlayOptions) {
    this.options = options;
    this.intent = options.intent;
    this.identities = this.intent.identities;
    this.registry = options.registry;
    this.epochs = new Map(Object.entries(this.intent.epochs).map(([id, epoch]) => [Number(id), epoch]));
    this.#revision = this.intent.generation * REVISIONS_A_START;
    this.executor = new Executor({
      clock: options.clock,
      members: this.members,
      epochs: this.epochs,
      nextRevision: this.nextRevision,
      onLost: (host, error) => this.#lost(host, error),
      cleanLater: (delayMs) => {
        options.clock.after(delayMs, () => void this.enqueue(() => this.executor.clean()).catch(() => {}));
      },
    });
    this.#syncMembers();
    this.#presume();
    this.#whereabouts = this.#vmHosts();
    this.announcePhases();
  }

  readonly nextRevision = (): number => {
    this.#revision += 1;
    return this.#revision;
  };

  /** The user's topology with everything that is there without a statement. */
  readonly complete = (user: Topology): Topology => {
    const { name, endpoint } = this.options;
    const auto = new Map<string, Host>(this.registry.autoHosts);
    for (const { host, session } of this.members.values()) {
      if (session && host !== name && !auto.has(host)) auto.set(host, { name: host });
    }
    return completeTopology(user, { name, endpoint }, auto.values());
  };

  get topology(): Topology {
    return this.complete(this.intent.topology);
  }

  /** Hosts whose part would not arrive now. */
  unusable(): Set<string> {
    return new Set([...this.members.values()].filter((member) => !member.usable).map(({ host }) => host));
  }

  lower(user: Topology, unusable: ReadonlySet<string>, identities: LinkIdentities): Lowered {
    const topology = this.complete(user);
    const places = this.registry.places(topology);
    return lower({
      topology,
      places,
      epochs: this.epochs,
      identities,
      secret: this.options.secret,
      unusable,
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
    for (let last: unknown; last !== this.#queue; ) {
      last = this.#queue;
      await this.#queue;
    }
    await this.#storeLate();
    await this.saveRegistry();
  }

  /**
   * Makes the hosts equal to what `user` means, and `user` what the user owns. Call it from within the queue.
   * Without `user` nothing of the intent changes: hosts came or went, addresses were learnt.
   */
  async transition(user?: Topology, progress?: (progress: ChangeProgress) => void): Promise<string[]> {
    if (user !== undefined)
      for (const member of this.members.values()) member.presumed &&= member.session !== undefined;
    let identities = this.identities;
    const topology = user ?? this.intent.topology;
    let promised: Intent | undefined;
    const next = (): Intent => ({
      ...this.intent,
      serial: this.intent.serial + 1,
      topology,
      revision: this.intent.revision + (user === undefined ? 0 : 1),
      identities,
      epochs: Object.fromEntries(this.epochs),
    });
    const job: Job = {
      internal: user === undefined,
      progress,
      lower: (unusable) => {
        const lowered = this.lower(topology, unusable, identities);
        identities = lowered.identities;
        return lowered;
      },
      journal: async (hosts, switching) => {
        // What one host takes whole or not at all cannot be left half done: the commit is enough.
        if (!switching && (user === undefined || hosts.length === 1)) return;
        const journal: Journal = {
          serial: this.intent.serial + 1,
          hosts,
          epochs: Object.fromEntries(this.epochs),
        };
        // Without a switch the journal may hold the outcome: written once, it need not be written again to be safe.
        promised = user === undefined || switching ? undefined : next();
        // A promise holds all that the one before it held, and the store keeps that one until this one is safe.
        if (!promised) await this.#storeLate();
        await this.options.store.write('journal', { ...journal, ...(promised ? { intent: promised } : {}) });
      },
      commit: async (lowered) => {
        const intent = next();
        if (promised && sameEpochs(promised.epochs, intent.epochs)) {
          this.intent = promised;
          this.#late = this.#writeNextTurn(promised).then(
            () => undefined,
            (thrown: unknown) => VnetError.from(thrown),
          );
        } else if (
          user !== undefined ||
          !sameKeys(identities, this.intent.identities) ||
          !sameEpochs(intent.epochs, this.intent.epochs)
        ) {
          await this.write(intent);
        }
        this.suspended = lowered.suspended;
        this.identities = identities;
      },
    };
    const pending = await this.#execute(job, () => promised !== undefined);
    this.#syncMembers();
    this.#announceVms();
    return pending;
  }

  /** A change that does not come to pass must not be taken up from the journal by the next start. */
  async #execute(job: Job, isPromised: () => boolean): Promise<string[]> {
    try {
      return (await this.executor.run(job)).pending;
    } catch (thrown) {
      if (isPromised()) {
        await this.#storeLate();
        await this.options.store.remove('journal');
      }
      throw thrown;
    }
  }

  /** The answer to the change leaves first: the journal holds the outcome already. */
  async #writeNextTurn(intent: Intent): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    await this.options.store.write('intent', intent);
  }

  /** An intent that only the journal holds is stored before the journal is written over. */
  async #storeLate(): Promise<void> {
    const failed = await this.#late;
    this.#late = Promise.resolve(undefined);
    if (failed) await this.options.store.write('intent', this.intent);
  }

  /** Stores the intent with these parts changed; it is not the intent before it is stored. */
  async write(parts: Partial<Intent>): Promise<void> {
    const intent = { ...this.intent, ...parts, serial: this.intent.serial + 1 };
    await this.options.store.write('intent', intent);
    this.intent = intent;
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

  onEvent(listener: (event: OverlayEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(body: EventBody): void {
    this.publish({ at: new Date().toISOString(), ...body } as OverlayEvent);
  }

  publish(event: OverlayEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  phaseOf(host: string): { phase: HostPhase; since: string } {
    return this.#phases.get(host) ?? { phase: 'pending', since: new Date().toISOString() };
  }

  announcePhases(): void {
    const hosts = new Set(this.topology.hosts.map(({ name }) => name));
    for (const host of [...this.#phases.keys()]) if (!hosts.has(host)) this.#phases.delete(host);
    for (const host of hosts) {
      const member = this.members.get(host);
      const phase = member?.ready ? 'ready' : member && !member.session && member.usable ? 'away' : 'pending';
      if (this.#phases.get(host)?.phase === phase) continue;
      this.#phases.set(host, { phase, since: new Date().toISOString() });
      this.emit({ kind: 'host', host, phase });
    }
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

  #syncMembers(): void {
    const hosts = new Set(this.topology.hosts.map(({ name }) => name));
    for (const host of hosts) if (!this.members.has(host)) this.members.set(host, new Member(host));
    for (const [host, member] of this.members)
      if (!hosts.has(host) && !member.session) this.members.delete(host);
  }

  #vmHosts(): Map<string, string> {
    const places = this.registry.places(this.topology).filter(({ learnt }) => !learnt);
    return new Map(places.map(({ name, host }) => [name, host]));
  }

  #announceVms(): void {
    const before = this.#whereabouts;
    this.#whereabouts = this.#vmHosts();
    for (const [name, host] of this.#whereabouts) {
      const old = before.get(name);
      if (old === undefined) this.emit({ kind: 'vm', name, change: 'added', host });
      else if (old !== host) this.emit({ kind: 'vm', name, change: 'moved', host });
    }
    for (const [name, host] of before) {
      if (!this.#whereabouts.has(name)) this.emit({ kind: 'vm', name, change: 'removed', host });
    }
  }
}

function sameKeys(a: object, b: object): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key));
}

function sameEpochs(a: Record<string, number>, b: Record<string, number>): boolean {
  return sameKeys(a, b) && Object.entries(a).every(([id, epoch]) => b[id] === epoch);
}
