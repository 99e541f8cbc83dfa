/**
 * Keeps the driver's reservations equal to what the links ask for. A reservation is made before the link that it is
 * for, and given back after that is gone. A link whose peer's address is not known yet (the peer dials us, or its name
 * must be resolved) waits for it; it works meanwhile, with nothing reserved.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Endpoint, type LinkConfig, type ReservationView, VnetError } from '../../core/index.js';
import type { LinkWish, Outcome, ReservationDriver } from './driver.js';

export interface ReservationsOptions {
  driver: ReservationDriver;
  /** What could not be reserved, or given back, and nobody waits for the answer. */
  onProblem(error: VnetError): void;
  /** Where a link's peer is, as `ADDRESS:PORT`; undefined: it was not up yet. */
  remoteOf(link: string): string | undefined;
}

/** Waits for a peer's name no longer: the link waits too, and tells the address when it is up. */
const RESOLVE_TIMEOUT_MS = 1000;

/** The Proxy waits 3 s for a step of a change, and a service that reserves may take minutes. */
const PATIENCE_MS = 1200;

export class Reservations {
  readonly #options: ReservationsOptions;
  /** Those with reservations. */
  #links: readonly LinkConfig[] = [];
  #outcomes: ReadonlyMap<string, Outcome> = new Map();
  /** What the driver was told last. */
  #asked: ReadonlySet<string> = new Set();
  /** What was told of a link, so that it is told once. */
  readonly #told = new Map<string, string>();
  #turn: Promise<void> = Promise.resolve();
  /** A look at all of them waits for its turn: links that come up meanwhile need no other. */
  #looksSoon = false;
  #isClosed = false;

  constructor(options: ReservationsOptions) {
    this.#options = options;
  }

  /** True: these links, or those of now, have reservations. */
  concern(links: readonly LinkConfig[]): boolean {
    return this.#links.length > 0 || links.some(isReserved);
  }

  /** Gives back what an earlier process of the daemon left. Never rejects. */
  clear(): Promise<void> {
    return this.#inTurn(() =>
      this.#options.driver
        .clear()
        .catch((thrown: unknown) => this.#options.onProblem(VnetError.from(thrown))),
    );
  }

  /**
   * Before the links are what `next` says: what it adds is held, and nothing is given back yet unless there is no room
   * for both. Rejects, with all as it was, where something new cannot be held; `tolerant`: that is told as a problem. So
   * it is where the driver takes longer than PATIENCE_MS: the links are made meanwhile.
   */
  prepare(next: readonly LinkConfig[], tolerant: boolean): Promise<void> {
    let isAwaited = !tolerant;
    const prepared = this.#inTurn(async () => {
      const before = this.#links;
      const wanted = next.filter(isReserved);
      const ids = new Set(wanted.map(({ id }) => id));
      const leaving = before.filter(({ id }) => !ids.has(id));
      const fresh = wanted.filter((link) => !before.some((old) => same(old, link)));
      const refusal = (): VnetError | undefined => fresh.flatMap(({ id }) => this.#failure(id) ?? [])[0];
      await this.#set([...leaving, ...wanted]);
      if (refusal() !== undefined && leaving.length > 0) await this.#set(wanted);
      const error = isAwaited ? refusal() : undefined;
      if (error !== undefined) await this.#set(before);
      this.#tell();
      if (error !== undefined) throw error;
    });
    return patiently(prepared, () => (isAwaited = false));
  }

  /** The links are what `links` says. Never rejects. */
  settle(links: readonly LinkConfig[]): Promise<void> {
    return patiently(this.#inTurn(() => this.#setAndTell(links.filter(isReserved))));
  }

  /** From now on the peer's address is certain, and so is the way to it. */
  linkUp(id: string): void {
    if (this.#looksSoon || !this.#links.some((link) => link.id === id)) return;
    this.#looksSoon = true;
    const looked = this.#inTurn(() => {
      this.#looksSoon = false;
      return this.#setAndTell(this.#links);
    });
    looked.catch((thrown: unknown) => this.#options.onProblem(VnetError.from(thrown)));
  }

  views(): ReservationView[] {
    return this.#links.map(({ id, type, peer, reservedBitsPerSecond = 0 }) => {
      const outcome = this.#outcomes.get(id);
      const view = { kind: 'link', of: `${type} ${peer}`, bitsPerSecond: reservedBitsPerSecond } as const;
      if (outcome === undefined) {
        const text = this.#asked.has(id) ? 'it is being reserved' : `the address of ${peer} is not known yet`;
        return { ...view, state: 'waiting', text };
      }
      return 'text' in outcome
        ? { ...view, state: 'held', text: outcome.text }
        : { ...view, state: 'failed', text: sentence(outcome.error) };
    });
  }

  /** Gives all back. Idempotent, never rejects. */
  close(): Promise<void> {
    if (this.#isClosed) return this.#turn;
    const last = this.#inTurn(async () => {
      if (this.#links.length > 0) await this.#setAndTell([]);
    });
    this.#isClosed = true;
    return last;
  }

  #inTurn(act: () => Promise<void>): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #setAndTell(links: readonly LinkConfig[]): Promise<void> {
    await this.#set(links);
    this.#tell();
  }

  async #set(links: readonly LinkConfig[]): Promise<void> {
    this.#links = links;
    const found = await Promise.all(links.map((link) => this.#wishOf(link)));
    const wishes = found.filter((wish) => wish !== undefined);
    this.#asked = new Set(wishes.map(({ id }) => id));
    this.#outcomes = await this.#options.driver.set(wishes).catch((thrown: unknown) => {
      const error = VnetError.from(thrown);
      return new Map(wishes.map(({ id }) => [id, { error }]));
    });
  }

  /** Where the peer was seen counts before where it is said to be: it may be behind NAT. */
  async #wishOf(link: LinkConfig): Promise<LinkWish | undefined> {
    const { id, type, peer, dial, reservedBitsPerSecond: bitsPerSecond = 0 } = link;
    const remote = endpointOf(this.#options.remoteOf(id) ?? '') ?? (dial && (await resolved(dial)));
    return remote && { id, type, peer, remote, bitsPerSecond };
  }

  #failure(id: string): VnetError | undefined {
    const outcome = this.#outcomes.get(id);
    return outcome && 'error' in outcome ? outcome.error : undefined;
  }

  #tell(): void {
    for (const id of this.#told.keys()) if (this.#failure(id) === undefined) this.#told.delete(id);
    for (const id of this.#outcomes.keys()) {
      const error = this.#failure(id);
      if (error === undefined || this.#told.get(id) === error.message) continue;
      this.#told.set(id, error.message);
      this.#options.onProblem(error);
    }
  }
}

/** Resolves when the work is done, or is late: then it goes on by itself. */
function patiently(work: Promise<void>, late = () => {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      late();
      resolve();
    }, PATIENCE_MS);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

const isReserved = ({ reservedBitsPerSecond }: LinkConfig): boolean => (reservedBitsPerSecond ?? 0) > 0;

const same = (a: LinkConfig, b: LinkConfig): boolean =>
  a.id === b.id &&
  a.reservedBitsPerSecond === b.reservedBitsPerSecond &&
  a.dial?.address === b.dial?.address &&
  a.dial?.port === b.dial?.port;

const sentence = ({ message, hint }: VnetError): string =>
  hint === undefined ? message : `${message}: ${hint}`;

/** `10.0.0.1:7700` or `[::1]:7700`; undefined: it is none of these. */
export function endpointOf(remote: string): Endpoint | undefined {
  const [, bracketed, plain, port] = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(remote) ?? [];
  const address = (bracketed ?? plain ?? '').replace(/^::ffff:(?=\d+\.)/, '');
  return isIP(address) ? { address, port: Number(port) } : undefined;
}

async function resolved({ address, port }: Endpoint): Promise<Endpoint | undefined> {
  if (isIP(address)) return { address, port };
  const overdue = sleep(RESOLVE_TIMEOUT_MS, undefined, { ref: false });
  const found = await Promise.race([lookup(address).catch(() => undefined), overdue]);
  return found && { address: found.address, port };
}
