/**
 * Reservations by a command of the user's, for networks that have a service for them.
 *
 *   COMMAND reserve    with a line of JSON on its input: what to reserve, for which link
 *   COMMAND release    with the same line
 *
 * It ends with 0 when it is done; otherwise what it wrote to its error output is the reason. Both are asked again for
 * what is done already, and are no error then. A link whose rate or remote address changes is released and reserved anew.
 */
import { type Store, VnetError } from '../../core/index.js';
import { runTool } from '../tool.js';
import { type LinkWish, type Outcome, type ReservationDriver, sameWish } from './driver.js';

/** For one call. */
export const COMMAND_TIMEOUT_MS = 30_000;
/** Apart from what `tc` notes: a daemon that reserves in another way now must not forget these. */
const STORE_KEY = 'exec-reservations';

export interface ExecOptions {
  host: string;
  command: string;
  store: Store;
}

/** `sound`: the command said that it is reserved. Otherwise it was asked for, and may be. */
interface Noted {
  wish: LinkWish;
  sound: boolean;
}

export class ExecReservations implements ReservationDriver {
  readonly name = 'exec';
  readonly #options: ExecOptions;
  #noted = new Map<string, Noted>();

  constructor(options: ExecOptions) {
    this.#options = options;
  }

  async set(wishes: readonly LinkWish[]): Promise<ReadonlyMap<string, Outcome>> {
    const wanted = new Map(wishes.map((wish) => [wish.id, wish]));
    const outcomes = new Map<string, Outcome>();
    for (const { wish: old } of [...this.#noted.values()]) {
      const next = wanted.get(old.id);
      if (next !== undefined && sameWish(old, next)) continue;
      const error = await this.#release(old);
      if (error !== undefined) outcomes.set(old.id, { error });
    }
    for (const wish of wishes) if (!outcomes.has(wish.id)) outcomes.set(wish.id, await this.#reserve(wish));
    return outcomes;
  }

  async clear(): Promise<void> {
    const left = (await this.#options.store.read(STORE_KEY)) as LinkWish[] | undefined;
    this.#noted = new Map(left?.map((wish) => [wish.id, { wish, sound: false }]));
    let first: VnetError | undefined;
    for (const { wish } of [...this.#noted.values()]) {
      const error = await this.#release(wish);
      first ??= error;
      // The others would hang as well, and the daemon's start with them.
      if (error?.code === 'VNET_ERR_TIMEOUT') break;
    }
    if (first !== undefined) throw first;
  }

  /** Noted first: a daemon that dies half-way gives it back when it starts again. */
  async #reserve(wish: LinkWish): Promise<Outcome> {
    const text = `reserved by ${this.#options.command}`;
    if (this.#noted.get(wish.id)?.sound) return { text };
    try {
      const noted = { wish, sound: false };
      this.#noted.set(wish.id, noted);
      await this.#save();
      await this.#call('reserve', wish);
      noted.sound = true;
      return { text };
    } catch (thrown) {
      // It may have done some of it.
      await this.#release(wish);
      return { error: VnetError.from(thrown) };
    }
  }

  /** What cannot be given back is tried again at the next change, and at the next start. */
  async #release(wish: LinkWish): Promise<VnetError | undefined> {
    try {
      await this.#call('release', wish);
      this.#noted.delete(wish.id);
      await this.#save();
      return undefined;
    } catch (thrown) {
      return VnetError.from(thrown);
    }
  }

  #save(): Promise<void> {
    return this.#options.store.write(
      STORE_KEY,
      [...this.#noted.values()].map(({ wish }) => wish),
    );
  }

  #call(step: 'reserve' | 'release', { id, type, peer, remote, bitsPerSecond }: LinkWish): Promise<string> {
    const { host, command } = this.#options;
    const input = `${JSON.stringify({ link: id, type, host, peer, remote, bitsPerSecond })}\n`;
    return runTool(`${command} ${step}`, [], { input, timeoutMs: COMMAND_TIMEOUT_MS, shell: true });
  }
}

/** Links that a command was asked to reserve for, and not to release since. */
export async function execLeft(store: Store): Promise<number> {
  return ((await store.read(STORE_KEY)) as LinkWish[] | undefined)?.length ?? 0;
}
