/** For the tests: one host's VMs and ports in memory, driven by hand. What it says is what is so; what it is told to do wrong, it does. */
import type {
  MoveTransfer,
  OutgoingVm,
  ReceivingVm,
  RunningVm,
  VmDriver,
  VmEvents,
  VmSpec,
  VmTicket,
} from '../core/index.js';
import type { PortHolder } from './machines/index.js';

type Doing = 'running' | 'paused' | 'receiving';

/** Outlives the daemon, as processes do. */
export class FakeWorld {
  readonly doing = new Map<string, Doing>();
  /** More than one at a time. */
  readonly doubles: string[] = [];
  readonly calls: string[] = [];

  begin(vm: string, doing: Doing): void {
    if (this.doing.has(vm)) this.doubles.push(vm);
    this.doing.set(vm, doing);
  }
}

export const settle = async (turns = 8): Promise<void> => {
  for (let n = 0; n < turns; n++) await new Promise((resolve) => setImmediate(resolve));
};

interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(thrown: unknown): void;
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (thrown: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => {});
  return { promise, resolve, reject };
}

interface Move {
  arrived?: Deferred<RunningVm>;
  done?: Deferred<void>;
  progress?: (transfer: MoveTransfer) => void;
}

export class FakeDriver implements VmDriver {
  /** It tells so late that a VM stopped, and knows what that costs; undefined: it does not. */
  heardMs: number | undefined;
  readonly kind = 'exec';
  readonly world: FakeWorld;
  /** By step: what it does instead. */
  readonly instead = new Map<string, () => Promise<never>>();
  readonly events = new Map<string, VmEvents>();
  readonly moves = new Map<string, Move>();
  port: unknown = undefined;
  ticket: unknown = { driver: 'exec', key: 'k' };

  constructor(world: FakeWorld) {
    this.world = world;
  }

  async available(): Promise<true> {
    return (await this.#step('available')) ?? true;
  }

  async check() {
    await this.#step('check');
    return [];
  }

  portOf({ name }: VmSpec): string {
    return (this.port ?? `memory:${name}`) as string;
  }

  async start({ name }: VmSpec, _port: string, events: VmEvents): Promise<RunningVm> {
    await this.#step('start', name);
    this.world.begin(name, 'running');
    this.events.set(name, events);
    events.running();
    await settle(1);
    return this.#running(name);
  }

  async adopt({ name }: VmSpec, _port: string, events: VmEvents): Promise<RunningVm | undefined> {
    await this.#step('adopt', name);
    if (this.world.doing.get(name) === 'receiving') this.world.doing.delete(name);
    if (!this.world.doing.has(name)) return undefined;
    this.events.set(name, events);
    return this.#running(name);
  }

  async receive({ name }: VmSpec, _port: string, _options: unknown, events: VmEvents): Promise<ReceivingVm> {
    await this.#step('receive', name);
    this.world.begin(name, 'receiving');
    this.events.set(name, events);
    const arrived = deferred<RunningVm>();
    this.moves.set(name, { arrived });
    return {
      ticket: this.ticket as VmTicket,
      arrived: arrived.promise,
      discard: async () => {
        await this.#step('discard', name);
        if (this.world.doing.get(name) !== 'receiving') throw new Error('it executes');
        this.world.doing.delete(name);
        arrived.reject(new Error('discarded'));
      },
    };
  }

  /** The destination's: it executes now, or never will. */
  async arrive(name: string, isWhole: boolean): Promise<void> {
    const { arrived } = this.moves.get(name) ?? {};
    if (!arrived || this.world.doing.get(name) !== 'receiving') return;
    if (isWhole) {
      this.world.doing.set(name, 'running');
      this.events.get(name)?.running();
      await settle(1);
      arrived.resolve(this.#running(name));
    } else {
      this.world.doing.delete(name);
      arrived.reject('the source is gone');
    }
  }

  /** The source's last part: it stops executing, then is gone or goes on. */
  async leave(name: string, isWhole: boolean): Promise<void> {
    const { done } = this.moves.get(name) ?? {};
    if (!done || this.world.doing.get(name) !== 'running') return;
    this.world.doing.set(name, 'paused');
    this.events.get(name)?.paused(this.heardMs);
    await settle(1);
    // It may have crashed meanwhile.
    if (this.moves.get(name)?.done === done) this.#endMove(name, isWhole);
  }

  /** By somebody's hand, and on again. */
  halt(name: string, isHalted: boolean): void {
    const [from, to] = isHalted ? (['running', 'paused'] as const) : (['paused', 'running'] as const);
    if (this.world.doing.get(name) !== from || this.moves.get(name)?.done) return;
    this.world.doing.set(name, to);
    if (isHalted) this.events.get(name)?.paused(this.heardMs);
    else this.events.get(name)?.running();
  }

  crash(name: string): void {
    const doing = this.world.doing.get(name);
    if (doing === undefined || doing === 'receiving') return;
    this.world.doing.delete(name);
    this.events.get(name)?.ended('it crashed', false);
    const { done } = this.moves.get(name) ?? {};
    this.moves.delete(name);
    done?.reject(new Error('it crashed'));
  }

  #endMove(name: string, isWhole: boolean): void {
    const { done } = this.moves.get(name) ?? {};
    this.moves.delete(name);
    if (isWhole) {
      this.world.doing.delete(name);
      done?.resolve();
    } else {
      this.world.doing.set(name, 'running');
      this.events.get(name)?.running();
      done?.reject(new Error('the destination is gone'));
    }
  }

  #running(name: string): RunningVm {
    return {
      console: `/run/${name}.console`,
      state: async () => {
        await this.#step('state', name);
        return this.world.doing.get(name) === 'paused' ? 'paused' : 'running';
      },
      stop: async () => {
        await this.#step('stop', name);
        this.world.doing.delete(name);
        this.events.get(name)?.ended('stopped', true);
      },
      send: (_ticket, _options, progress): OutgoingVm => {
        const done = deferred<void>();
        this.moves.set(name, { done, progress });
        return {
          done: done.promise,
          cancel: async () => {
            await this.#step('cancel', name);
            if (this.moves.get(name)?.done === done) this.#endMove(name, false);
          },
        };
      },
      release: () => {},
    };
  }

  async #step(step: string, vm = ''): Promise<undefined> {
    this.world.calls.push(`${step} ${vm}`.trim());
    await settle(1);
    return this.instead.get(step)?.();
  }
}

export class FakePorts implements PortHolder {
  readonly held = new Set<string>();
  readonly configured = new Set<string>();
  readonly announced: string[] = [];
  readonly kept = new Set<string>();
  readonly recalled: { port: string; agoMs: number }[] = [];
  counts = { held: 0, lost: 0 };

  keepSent(port: string, kept: boolean): void {
    if (kept) this.kept.add(port);
    else this.kept.delete(port);
  }

  recallPort(port: string, agoMs: number): void {
    this.recalled.push({ port, agoMs });
  }

  holdPort(port: string, held: boolean): void {
    if (held) this.held.add(port);
    else this.held.delete(port);
  }

  announcePort(port: string): void {
    this.announced.push(port);
  }

  reopenPort(): void {}

  hasPort(port: string): boolean {
    return this.configured.has(port);
  }

  async countsOf() {
    return this.counts;
  }
}
