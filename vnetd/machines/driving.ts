/** Calls to drivers: bounded in time, and whatever they throw becomes an error that names them. */
import { type Clock, type VmDriver, type VmDriverKind, VnetError } from '../../core/index.js';
import { DRIVER_TIMEOUTS_MS, type DriverStep } from './time-outs.js';
import { within } from './within.js';

export class Drivers {
  readonly #clock: Clock;
  readonly #load: () => Promise<readonly VmDriver[]>;
  #loaded: Promise<ReadonlyMap<VmDriverKind, VmDriver>> | undefined;

  /** `load` is called once, at the first use. */
  constructor(clock: Clock, load: () => Promise<readonly VmDriver[]>) {
    this.#clock = clock;
    this.#load = load;
  }

  async of(kind: VmDriverKind): Promise<VmDriver> {
    const driver = (await this.#all()).get(kind);
    if (driver) return driver;
    throw new VnetError('VNET_ERR_UNSUPPORTED', `this host has no driver "${kind}"`, {
      hint: 'give the VM another machine, or run it on another host',
    });
  }

  /** True, or why not, a driver. */
  async available(): Promise<Partial<Record<VmDriverKind, string | true>>> {
    const answers = [...(await this.#all())].map(async ([kind, driver]) => {
      const asked = this.call(kind, 'available', 'this host', () => driver.available());
      const answer = await asked.catch((thrown: unknown) => VnetError.from(thrown).message);
      return [kind, answer === true ? true : String(answer)] as const;
    });
    return Object.fromEntries(await Promise.all(answers));
  }

  /** `of`: what it is called for. `keep` is given the driver's own promise, which may outlast the call's. */
  async call<T>(
    kind: VmDriverKind,
    step: DriverStep,
    of: string,
    work: () => Promise<T>,
    { extraMs = 0, keep = () => {} }: { extraMs?: number; keep?: (work: Promise<T>) => void } = {},
  ): Promise<T> {
    const timeoutMs = DRIVER_TIMEOUTS_MS[step] + extraMs;
    // Its own function may throw before there is a promise.
    const under = (async () => work())().catch((thrown: unknown) => {
      throw driverError(kind, step, of, thrown);
    });
    under.catch(() => {});
    keep(under);
    return within(this.#clock, under, timeoutMs, () => {
      const message = `the ${kind} driver did not finish "${step}" of ${of} in ${timeoutMs / 1000} s`;
      return new VnetError('VNET_ERR_TIMEOUT', message, {
        hint: "it may still do so; look at the daemon's log",
      });
    });
  }

  #all(): Promise<ReadonlyMap<VmDriverKind, VmDriver>> {
    this.#loaded ??= this.#load().then((drivers) => new Map(drivers.map((each) => [each.kind, each])));
    return this.#loaded;
  }
}

export function driverError(kind: VmDriverKind, step: string, of: string, thrown: unknown): VnetError {
  if (thrown instanceof VnetError) return thrown;
  const message = VnetError.from(thrown).message || 'no reason given';
  return new VnetError('VNET_ERR_INTERNAL', `the ${kind} driver failed at "${step}" of ${of}: ${message}`, {
    hint: "look at the daemon's log",
    cause: thrown,
  });
}
