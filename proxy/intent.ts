/**
 * The intent and where it is kept. A change is written to the journal alone, so that its cost is that of the change;
 * the intent is written whole a little later, when nobody waits, and covers the entries up to its serial.
 *
 *   intent    serial n, everything
 *   journal   appended to: entries n+1 ..., each a change; and the change that has begun and may have moved epochs
 *
 * What is in either is safe: a start takes the intent and carries out the entries after it.
 */
import {
  type Adapted,
  applyChange,
  type Change,
  type Clock,
  emptyChange,
  emptyTopology,
  NOTHING_ADAPTED,
  type Store,
  type Topology,
  VnetError,
} from '../core/index.js';
import type { LinkIdentities, LinkIdentity } from './lowering/index.js';

/** After a change the intent is written whole within this time. */
export const INTENT_DELAY_MS = 500;
/** With more statements than this in the journal it is written at once. */
export const JOURNAL_STATEMENTS_MAX = 64;
/** With more than this, the next change waits until the intent is written. */
const JOURNAL_STATEMENTS_HARD_MAX = 2 * JOURNAL_STATEMENTS_MAX;
/** Host revisions of one start of the Proxy, so that none is ever used for two configurations. */
export const REVISIONS_A_START = 2 ** 24;

export interface Intent {
  /** Of every write: what has a higher one is newer. */
  serial: number;
  /** Of what the user owns. */
  revision: number;
  /** What the user owns. */
  topology: Topology;
  /** What adaptation owns beside it. */
  adapted: Adapted;
  /** By network identifier in decimal. */
  epochs: Readonly<Record<string, number>>;
  identities: LinkIdentities;
  /** Names of networks whose group frames take the star, since the user's tree has a dead edge. */
  fallen: readonly string[];
  /** The upper bound that the user set, milliseconds. */
  boundMs?: number;
  /** The slowest change so far, milliseconds. */
  measuredMs: number;
  /** Starts of the Proxy: revisions of host configurations begin at `generation * REVISIONS_A_START`. */
  generation: number;
}

type StoredIntent = Omit<Intent, 'identities'> & { identities: Record<string, LinkIdentity> };

/** From the intent of before to that of `serial`. */
interface Entry extends Omit<Intent, 'topology' | 'adapted' | 'identities' | 'generation'> {
  /** Lists that have something. */
  add: Partial<Topology>;
  remove: Partial<Topology>;
  /** Whole; absent: as it was. */
  adapted?: Adapted;
  links: Record<string, LinkIdentity>;
  removedLinks: string[];
  /** Who was yet to be told when this was written; empty: everybody had been. */
  hosts: string[];
}

/** A change that may have moved epochs, and was to be undone if it did not get to its entry. */
export interface Begun {
  serial: number;
  hosts: string[];
  epochs: Readonly<Record<string, number>>;
}

/** One record of the journal: what it says holds after those before it. */
interface Note {
  /** In place of all that was noted before. */
  entries?: Entry[];
  entry?: Entry;
  begun?: Begun;
}

/** A change that the last process may not have finished. */
export interface Unfinished {
  hosts: string[];
  outcome: 'completed' | 'undone';
}

export class IntentKeeper {
  readonly #store: Store;
  readonly #clock: Clock;
  /** After `intent` as it is stored, in order. */
  #entries: Entry[] = [];
  /** The next note begins the journal anew: the stored intent covers what it holds, or nobody knows what it holds. */
  #beginsAnew = true;
  #intent: Intent;
  #cancelWrite: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  readonly #onError: (error: VnetError) => void;

  constructor(store: Store, clock: Clock, intent: Intent, onError: (error: VnetError) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#intent = intent;
    this.#onError = onError;
  }

  get intent(): Intent {
    return this.#intent;
  }

  /** Of what need not be stored. */
  note(parts: Pick<Intent, 'measuredMs'>): void {
    this.#intent = { ...this.#intent, ...parts };
  }

  /** Before epochs are moved. */
  async begin(hosts: string[]): Promise<void> {
    const { serial, epochs } = this.#intent;
    await this.#note({ begun: { serial: serial + 1, hosts, epochs } });
  }

  /**
   * Resolves when `next` is safe; it is the intent when `settle` says so, and none if `retract` does. `hosts`: who is
   * yet to be told, where a start that finds it must not rely on them.
   */
  async promise(next: Intent, change: Change | undefined, hosts: string[] = []): Promise<void> {
    if (this.#statements() > JOURNAL_STATEMENTS_HARD_MAX) await this.#writing;
    if (this.#statements() > JOURNAL_STATEMENTS_HARD_MAX) await this.#writeIntent();
    const entry = entryOf(this.#intent, next, change, hosts);
    await this.#note({ entry });
    this.#entries = after(this.#entries, { entry });
  }

  settle(next: Intent): void {
    this.#intent = next;
    this.#writeSoon(this.#statements() > JOURNAL_STATEMENTS_MAX ? 0 : INTENT_DELAY_MS);
  }

  /** A promise that does not come to pass must not be taken up by the next start. */
  async retract(): Promise<void> {
    this.#entries = this.#entries.filter(({ serial }) => serial <= this.#intent.serial);
    await this.#note({});
  }

  /** Writes the intent whole, if it is not. */
  async close(): Promise<void> {
    this.#cancelWrite?.();
    await this.#writing;
    if (this.#entries.length > 0) await this.#writeIntent();
  }

  #statements(): number {
    return this.#entries.reduce(
      (sum, { add, remove, adapted }) => sum + 1 + lengthOf(add) + lengthOf(remove) + lengthOf(adapted),
      0,
    );
  }

  /** Entries alone are appended: the rest is rare, and what is given up again and again must not pile up. */
  async #note(note: Note): Promise<void> {
    const isAnew = this.#beginsAnew || !note.entry;
    this.#beginsAnew = false;
    try {
      if (isAnew) await this.#store.write('journal', { entries: this.#entries, ...note } satisfies Note);
      else await this.#store.append('journal', note);
    } catch (thrown) {
      this.#beginsAnew = true;
      throw thrown;
    }
  }

  #writeSoon(delayMs: number): void {
    if (this.#cancelWrite && delayMs > 0) return;
    this.#cancelWrite?.();
    this.#cancelWrite = this.#clock.after(delayMs, () => {
      this.#cancelWrite = undefined;
      // The journal holds what could not be written: it is tried again with the next change, and when stopping.
      this.#writing = this.#writeIntent().catch((thrown) => this.#onError(VnetError.from(thrown)));
    });
  }

  async #writeIntent(): Promise<void> {
    const intent = this.#intent;
    await this.#store.write('intent', toStored(intent));
    this.#entries = this.#entries.filter(({ serial }) => serial > intent.serial);
    this.#beginsAnew = true;
  }
}

/** The intent of before, with the generation moved on and stored. An unfinished change is completed or undone. */
export async function loadIntent(
  store: Store,
): Promise<{ intent: Intent; unfinished: Unfinished | undefined }> {
  const stored = (await store.read('intent')) as StoredIntent | undefined;
  const journal = (await store.readAll('journal')) as Note[];
  let intent: Intent = stored
    ? {
        ...stored,
        // Of an earlier version: without the lists that came later.
        topology: { ...emptyTopology(), ...stored.topology },
        adapted: { ...NOTHING_ADAPTED, ...stored.adapted },
        fallen: stored.fallen ?? [],
        identities: new Map(Object.entries(stored.identities)),
      }
    : {
        serial: 0,
        revision: 0,
        topology: emptyTopology(),
        adapted: NOTHING_ADAPTED,
        epochs: {},
        identities: new Map(),
        fallen: [],
        measuredMs: 0,
        generation: 0,
      };
  const entries = journal.reduce(after, []).filter(({ serial }) => serial > intent.serial);
  const begun = journal.at(-1)?.begun;
  for (const entry of entries) intent = carryOut(intent, entry);
  const unfinished = unfinishedOf(intent, entries.at(-1), begun);
  // Hosts may stamp the epoch after the stored one, from a change that was not finished: never use it again.
  const epochs = Object.fromEntries(
    Object.entries({ ...begun?.epochs, ...intent.epochs }).map(([id, epoch]) => [
      id,
      epoch + (unfinished ? 2 : 0),
    ]),
  );
  const serial = Math.max(intent.serial, begun?.serial ?? 0) + 1;
  const next = { ...intent, serial, epochs, generation: intent.generation + 1 };
  await store.write('intent', toStored(next));
  if (journal.length > 0) await store.remove('journal');
  return { intent: next, unfinished };
}

function unfinishedOf(
  intent: Intent,
  last: Entry | undefined,
  begun: Begun | undefined,
): Unfinished | undefined {
  if (begun && begun.serial > intent.serial) return { hosts: begun.hosts, outcome: 'undone' };
  return last && last.hosts.length > 0 ? { hosts: last.hosts, outcome: 'completed' } : undefined;
}

function after(entries: Entry[], { entries: others, entry }: Note): Entry[] {
  const now = others ?? entries;
  return entry ? [...now.filter(({ serial }) => serial < entry.serial), entry] : now;
}

function toStored(intent: Intent): StoredIntent {
  return { ...intent, identities: Object.fromEntries(intent.identities) };
}

function entryOf(before: Intent, next: Intent, change: Change | undefined, hosts: string[]): Entry {
  const { topology: _, adapted, identities: __, generation: ___, ...rest } = next;
  return {
    ...rest,
    ...(adapted === before.adapted ? {} : { adapted }),
    hosts,
    add: filled(change?.add),
    remove: filled(change?.remove),
    ...linksBetween(before.identities, next.identities),
  };
}

function filled(lists: Topology | undefined): Partial<Topology> {
  return Object.fromEntries(Object.entries(lists ?? {}).filter(([, list]) => list.length > 0));
}

function lengthOf(lists: Partial<Topology> | Adapted | undefined): number {
  let length = 0;
  for (const list of Object.values(lists ?? {})) length += (list as unknown[]).length;
  return length;
}

function linksBetween(before: LinkIdentities, after: LinkIdentities): Pick<Entry, 'links' | 'removedLinks'> {
  if (before === after) return { links: {}, removedLinks: [] };
  return {
    links: Object.fromEntries([...after].filter(([key, { id }]) => before.get(key)?.id !== id)),
    removedLinks: [...before.keys()].filter((key) => !after.has(key)),
  };
}

function carryOut(intent: Intent, entry: Entry): Intent {
  const { add, remove, adapted = intent.adapted, links, removedLinks, hosts: _, ...rest } = entry;
  const identities = new Map(intent.identities);
  for (const key of removedLinks) identities.delete(key);
  for (const [key, identity] of Object.entries(links)) identities.set(key, identity);
  const none = emptyChange();
  const change = { add: { ...none.add, ...add }, remove: { ...none.remove, ...remove } };
  const { generation } = intent;
  return { ...rest, generation, topology: applyChange(intent.topology, change), adapted, identities };
}
