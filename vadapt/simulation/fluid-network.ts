/** A network of pipes: each path of the underlay crosses some, and elastic flows share them fairly. */
import type { SimulatedApplication } from './overlay.js';

export interface Pipe {
  name: string;
  bitsPerSecond: number;
}

export type PathOf = (from: string, to: string) => readonly string[];

/** Two VMs on one host; the memory of a machine. */
const LOCAL_BITS_PER_SECOND = 10e9;

export class FluidNetwork {
  readonly pipes: Map<string, number>;
  readonly #route: (from: string, to: string) => string[];
  readonly #latencyUs: (from: string, to: string) => number;

  /** `route`: names of the pipes from host to host. */
  constructor(
    pipes: readonly Pipe[],
    route: (from: string, to: string) => string[],
    latencyUs: (from: string, to: string) => number = () => 500,
  ) {
    this.pipes = new Map(pipes.map(({ name, bitsPerSecond }) => [name, bitsPerSecond]));
    this.#route = route;
    this.#latencyUs = latencyUs;
  }

  latencyUs(from: string, to: string): number {
    return this.#latencyUs(from, to);
  }

  /** What a path has left over. */
  available(from: string, to: string, used: ReadonlyMap<string, number>): number {
    const left = this.#route(from, to).map(
      (pipe) => (this.pipes.get(pipe) as number) - (used.get(pipe) ?? 0),
    );
    return Math.max(0, Math.min(...left));
  }

  /** The pipe of a path that is used most of what it has. */
  tightest(from: string, to: string, used: ReadonlyMap<string, number>): { pipe: string; busy: number } {
    const busy = this.#route(from, to).map((pipe) => ({
      pipe,
      busy: (used.get(pipe) ?? 0) / (this.pipes.get(pipe) as number),
    }));
    return busy.reduce((a, b) => (b.busy > a.busy ? b : a));
  }

  /** By pipe. */
  used(rates: ReadonlyMap<string, number>, pathOf: PathOf): Map<string, number> {
    const used = new Map<string, number>();
    for (const [key, rate] of rates) {
      const [from, to] = key.split(' ') as [string, string];
      for (const pipe of this.#crossed(pathOf(from, to))) used.set(pipe, (used.get(pipe) ?? 0) + rate);
    }
    return used;
  }

  /** What the overlay sends from host to host. */
  onLink(from: string, to: string, rates: ReadonlyMap<string, number>, pathOf: PathOf): number {
    let sum = 0;
    for (const [key, rate] of rates) {
      const path = pathOf(...(key.split(' ') as [string, string]));
      if (path.some((host, i) => host === from && path[i + 1] === to)) sum += rate;
    }
    return sum;
  }

  /** By `from to`. Applications in steps send in their steps' second part, as fast as if nobody else did then. */
  rates(
    applications: readonly SimulatedApplication[],
    pathOf: PathOf,
    paceOf: (vm: string) => number,
  ): Map<string, number> {
    const wants: { key: string; pipes: string[]; most: number }[] = [];
    for (const { flows, computeSeconds } of applications) {
      for (const { from, to, wants: most } of flows) {
        const cpu = Math.min(paceOf(from), paceOf(to));
        const pipes = this.#crossed(pathOf(from, to));
        // A sender that has no CPU sends no faster than it runs.
        wants.push({
          key: `${from} ${to}`,
          pipes,
          most: computeSeconds === undefined ? most * cpu : Infinity,
        });
      }
    }
    const rates = fairRates(wants, this.pipes);
    for (const { flows, computeSeconds } of applications) {
      if (computeSeconds === undefined) continue;
      const vms = new Set(flows.flatMap(({ from, to }) => [from, to]));
      const slowest = Math.min(...[...vms].map(paceOf));
      const sending = Math.max(
        ...flows.map(({ from, to, wants: bits }) => bits / (rates.get(`${from} ${to}`) as number)),
      );
      const stepSeconds = computeSeconds / slowest + sending;
      for (const { from, to, wants: bits } of flows) rates.set(`${from} ${to}`, bits / stepSeconds);
    }
    return rates;
  }

  #crossed(path: readonly string[]): string[] {
    if (path.length === 1) return [`local ${path[0]}`];
    return path.slice(1).flatMap((host, i) => this.#route(path[i] as string, host));
  }
}

/** Progressive filling in small, obvious steps: the pipe that fills first fixes its flows. */
function fairRates(
  flows: readonly { key: string; pipes: readonly string[]; most: number }[],
  pipes: ReadonlyMap<string, number>,
): Map<string, number> {
  const rates = new Map<string, number>();
  const left = new Map<string, number>();
  for (const { pipes: crossed } of flows)
    for (const pipe of crossed) left.set(pipe, pipes.get(pipe) ?? LOCAL_BITS_PER_SECOND);
  let open = [...flows];
  while (open.length > 0) {
    const count = new Map<string, number>();
    for (const flow of open) for (const pipe of flow.pipes) count.set(pipe, (count.get(pipe) ?? 0) + 1);
    let [level, full] = [Infinity, ''];
    for (const [pipe, crossings] of count) {
      const share = (left.get(pipe) as number) / crossings;
      if (share < level) [level, full] = [share, pipe];
    }
    const modest = open.filter(({ most }) => most <= level);
    const fixed = modest.length > 0 ? modest : open.filter(({ pipes: crossed }) => crossed.includes(full));
    for (const flow of fixed) {
      const rate = Math.max(0, Math.min(level, flow.most));
      rates.set(flow.key, rate);
      for (const pipe of flow.pipes) left.set(pipe, (left.get(pipe) as number) - rate);
    }
    open = open.filter((flow) => !fixed.includes(flow));
  }
  return rates;
}
