/** Reservations by HTB on the interfaces that carry the links. What others put on an interface is left alone. */
import { type Store, VnetError } from '../../core/index.js';
import type { LinkWish, Outcome, ReservationDriver } from './driver.js';
import { interfaceTo, listQdiscs, tcBatch } from './tc.js';
import { TcInterface } from './tc-interface.js';

/** Below what tc(8) gives to who names none (8000:). */
const FIRST_HANDLE = 0x7000;
const HANDLES = 0x1000;
const STORE_KEY = 'reservations';
/** Each is a process. */
const LOOKUPS_AT_ONCE = 8;

export interface TcOptions {
  /** This host's name: its daemon's qdiscs are told by it from another's of the same machine. */
  host: string;
  /** Notes that something of ours is on an interface: a daemon that is killed finds it at its next start. */
  store: Store;
  /** Bits a second that the line carries; absent: what the interface says. */
  lineBps?: number | undefined;
}

export class TcReservations implements ReservationDriver {
  readonly name = 'tc';
  readonly #options: TcOptions;
  readonly #handle: string;
  readonly #interfaces = new Map<string, TcInterface>();
  #isNoted = false;

  constructor(options: TcOptions) {
    this.#options = options;
    this.#handle = handleOf(options.host);
  }

  async set(wishes: readonly LinkWish[]): Promise<ReadonlyMap<string, Outcome>> {
    if (wishes.length > 0) await this.#note();
    const outcomes = new Map<string, Outcome>();
    const byDevice = new Map<string, LinkWish[]>([...this.#interfaces.keys()].map((device) => [device, []]));
    const devices = await devicesTo(wishes.map(({ remote }) => remote.address));
    for (const wish of wishes) {
      const device = devices.get(wish.remote.address) as string | VnetError;
      if (device instanceof VnetError) outcomes.set(wish.id, { error: device });
      else byDevice.set(device, [...(byDevice.get(device) ?? []), wish]);
    }
    for (const [device, here] of byDevice) {
      for (const [id, outcome] of await this.#setAt(device, here)) outcomes.set(id, outcome);
    }
    if (this.#interfaces.size === 0) await this.#forget();
    return outcomes;
  }

  clear(): Promise<void> {
    return clearTc(this.#options);
  }

  async #note(): Promise<void> {
    if (this.#isNoted) return;
    await this.#options.store.write(STORE_KEY, this.#handle);
    this.#isNoted = true;
  }

  async #forget(): Promise<void> {
    if (!this.#isNoted) return;
    await this.#options.store.remove(STORE_KEY);
    this.#isNoted = false;
  }

  async #setAt(device: string, wishes: LinkWish[]): Promise<ReadonlyMap<string, Outcome>> {
    const known =
      this.#interfaces.get(device) ?? new TcInterface(device, this.#handle, this.#options.lineBps);
    this.#interfaces.set(device, known);
    try {
      const outcomes = await known.set(wishes);
      if (wishes.length === 0) this.#interfaces.delete(device);
      return outcomes;
    } catch (thrown) {
      const error = VnetError.from(thrown);
      return new Map(wishes.map(({ id }) => [id, { error }]));
    }
  }
}

/** Takes off what this daemon put on interfaces when it ran before, whatever it reserves by now. */
export async function clearTc({ host, store }: Pick<TcOptions, 'host' | 'store'>): Promise<void> {
  if ((await store.read(STORE_KEY)) === undefined) return;
  const ours = `${handleOf(host)}:`;
  const left = (await listQdiscs()).filter(
    ({ kind, handle, root }) => root && kind === 'htb' && handle === ours,
  );
  await tcBatch(left.map(({ dev }) => `qdisc del dev ${dev} root handle ${ours}`));
  await store.remove(STORE_KEY);
}

/** By address: the interface by which it is reached, or why by none. */
async function devicesTo(addresses: readonly string[]): Promise<Map<string, string | VnetError>> {
  const devices = new Map<string, string | VnetError>();
  const left = [...new Set(addresses)];
  const ask = async () => {
    for (let address = left.pop(); address !== undefined; address = left.pop())
      devices.set(address, await interfaceTo(address).catch((thrown: unknown) => VnetError.from(thrown)));
  };
  await Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, ask));
  return devices;
}

/** FNV-1a of the name, in hexadecimal. */
function handleOf(host: string): string {
  let hash = 0x811c9dc5;
  for (const octet of new TextEncoder().encode(host)) hash = Math.imul(hash ^ octet, 0x01000193) >>> 0;
  return (FIRST_HANDLE + (hash % HANDLES)).toString(16);
}
