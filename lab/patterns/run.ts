/** A run of the generator in machines of a lab. */
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { createInterface } from 'node:readline';
import { VnetError } from '../../core/index.js';
import { Lab } from '../lab.js';
import { noiseArguments, type PatternsOptions, runArguments } from './options.js';
import { patternsProgram } from './program.js';
import type { PatternsEnd, PatternsLine, PatternsReport } from './report.js';

/** Where a rank runs. A `LabNode` is one; a guest system with a way to start programs can be made one. */
export interface PatternsPlace {
  readonly name: string;
  /** Its address in the network that the ranks talk over. */
  readonly address: string;
  spawn(command: readonly string[], options?: SpawnOptions): ChildProcess;
}

/** How long a stopped run may take to end by itself; a superstep that takes longer is cut off. */
const STOP_TIMEOUT_MS = 10_000;
const EXIT_USAGE = 2;
const EXIT_PEER_GONE = 3;

/** How near to the origin of a failure a rank is: killed, failing by itself, left alone by another. */
const CAUSE = { killed: 0, itself: 1, another: 2 } as const;

interface Rank {
  place: PatternsPlace;
  child: ChildProcess;
  stderr: string;
  end: PatternsEnd | undefined;
}

export class PatternsRun {
  /** Rank 0's so far, in order. */
  readonly reports: PatternsReport[] = [];
  /**
   * The ends of all ranks, by rank. Rejects when one of them fails: VNET_ERR_UNREACHABLE names the rank that it goes
   * back to; VNET_ERR_INVALID for options that cannot be.
   */
  readonly end: Promise<PatternsEnd[]>;
  readonly #ranks: Rank[] = [];
  readonly #noise: ChildProcess[] = [];
  readonly #waiting = new Set<() => void>();
  #over = false;
  #failure: { cause: number; text: string } | undefined;

  /** @internal Use startPatterns. */
  constructor(program: string, places: readonly PatternsPlace[], options: PatternsOptions) {
    try {
      this.end = this.#startAll(program, places, options).then(() => this.#conclude());
    } catch (error) {
      this.kill();
      throw error;
    }
    this.end.catch(() => {}); // whoever waits for it is told; nobody has to
  }

  /** Process ids, by rank. */
  get pids(): number[] {
    return this.#ranks.map(({ child }) => child.pid ?? 0);
  }

  /** Iterations a second in the last report interval; 0 before the first. */
  get rate(): number {
    return this.reports.findLast((report) => report.kind === 'interval')?.iterationsPerSecond ?? 0;
  }

  /** Rank 0's reports from now on, until the end. A failure of the run is thrown. */
  async *[Symbol.asyncIterator](): AsyncGenerator<PatternsReport> {
    for (let next = this.reports.length; ; next++) {
      while (next >= this.reports.length && !this.#over) {
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
      const report = this.reports[next];
      if (report === undefined) break;
      yield report;
    }
    await this.end;
  }

  /** Mean iterations a second over the next intervals, each of `reportMs`. Throws if the run ends before. */
  async measure(intervals: number): Promise<number> {
    const rates: number[] = [];
    for await (const report of this) {
      if (report.kind === 'interval') rates.push(report.iterationsPerSecond);
      if (rates.length === intervals + 1) break;
    }
    rates.shift(); // the one under way when we were called
    if (rates.length < intervals) throw new VnetError('VNET_ERR_CLOSED', 'the run of patterns has ended');
    return rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  }

  /** Ends the run after the superstep under way (all ranks agree on the last one). Rejects as `end`. */
  async stop(): Promise<PatternsEnd[]> {
    const timer = setTimeout(() => this.kill(), STOP_TIMEOUT_MS);
    this.#ranks[0]?.child.kill('SIGTERM');
    try {
      return await this.end;
    } finally {
      clearTimeout(timer);
      this.kill();
    }
  }

  /** Ends all its processes at once; `end` rejects if it was not over. */
  kill(): void {
    for (const child of [...this.#noise, ...this.#ranks.map((rank) => rank.child)]) child.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.end.catch(() => {});
  }

  /** Resolves when all ranks have ended. */
  #startAll(program: string, places: readonly PatternsPlace[], options: PatternsOptions): Promise<unknown> {
    const addresses = places.map((place) => place.address);
    const peers = addresses.map((address, rank) => `${rank} ${address}\n`).join('');
    for (const { rank, words } of noiseArguments(options, addresses)) {
      const place = places[rank];
      if (place === undefined) {
        throw new VnetError(
          'VNET_ERR_INVALID',
          `noise of rank ${rank}, but there are ${places.length} ranks`,
        );
      }
      this.#startNoise(place, [program, 'noise', ...words]);
    }
    const ended = places.map((place, rank) =>
      this.#start(place, [program, 'run', ...runArguments(rank, options)], peers, options),
    );
    return Promise.all(ended);
  }

  #start(place: PatternsPlace, command: string[], peers: string, options: PatternsOptions): Promise<unknown> {
    // Detached: Ctrl-C in a terminal is for the command that started us, which stops the run in order.
    const child = place.spawn(command, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    const rank: Rank = { place, child, stderr: '', end: undefined };
    this.#ranks.push(rank);
    const { stdin, stdout, stderr } = child;
    if (stdin === null || stdout === null || stderr === null) {
      throw new VnetError('VNET_ERR_INTERNAL', `${place.name} gives no standard streams`);
    }
    stdin.on('error', () => {}).end(peers); // a process that is gone tells by its exit
    stderr.on('data', (chunk: Buffer) => (rank.stderr += chunk.toString()));
    createInterface({ input: stdout }).on('line', (line) => this.#take(rank, line, options));
    return new Promise<void>((resolve) => {
      child.once('error', (error) => {
        rank.stderr += error.message;
        this.#failed(rank, 'did not start');
        resolve();
      });
      child.once('close', (code, signal) => {
        if (code !== 0) this.#failed(rank, signal === null ? `ended with ${code}` : `ended by ${signal}`);
        resolve();
      });
    });
  }

  /** Noise that is not there would make what is measured untrue: its end is the run's. */
  #startNoise(place: PatternsPlace, command: string[]): void {
    const child = place.spawn(command, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', (error) => (stderr += error.message));
    child.once('close', (code, signal) => {
      if (this.#over || this.#failure !== undefined) return;
      const said = stderr.trim() || `ended with ${code ?? signal}`;
      this.#failure = { cause: CAUSE.killed, text: `the noise on ${place.name}: ${said}` };
      this.kill();
    });
    this.#noise.push(child);
  }

  #take(rank: Rank, text: string, options: PatternsOptions): void {
    const line = JSON.parse(text) as PatternsLine;
    if (line.kind === 'end') {
      rank.end = line;
      return;
    }
    this.reports.push(line);
    options.onReport?.(line);
    this.#wake();
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  /** One rank's end ends them all: kept is what is nearest to the origin, then what came first. */
  #failed(rank: Rank, how: string): void {
    const number = this.#ranks.indexOf(rank);
    const said = rank.stderr.trim().replace(/^patterns: /, '');
    const own = rank.child.exitCode === EXIT_PEER_GONE ? CAUSE.another : CAUSE.itself;
    const cause = said === '' ? CAUSE.killed : own;
    if (this.#failure !== undefined && this.#failure.cause <= cause) return;
    const text =
      said === '' ? `rank ${number} on ${rank.place.name} ${how}` : `on ${rank.place.name}: ${said}`;
    this.#failure = { cause, text };
  }

  #conclude(): PatternsEnd[] {
    this.#over = true;
    for (const child of this.#noise) child.kill('SIGTERM');
    this.#wake();
    if (this.#failure !== undefined) {
      const usage = this.#ranks.every(({ child }) => child.exitCode === EXIT_USAGE);
      throw new VnetError(usage ? 'VNET_ERR_INVALID' : 'VNET_ERR_UNREACHABLE', this.#failure.text);
    }
    return this.#ranks.flatMap(({ end }) => (end === undefined ? [] : [end]));
  }
}

/**
 * Starts a rank in each place, in order; in a lab, in each of its VMs that has an address. They wait for each other.
 * @throws VNET_ERR_INVALID for fewer than two places or one without an address, VNET_ERR_UNSUPPORTED without a compiler
 */
export async function startPatterns(
  where: Lab | readonly PatternsPlace[],
  options: PatternsOptions = {},
): Promise<PatternsRun> {
  const places = where instanceof Lab ? where.vms.filter((vm) => vm.address !== '') : where;
  const nameless = places.find((place) => place.address === '');
  if (nameless !== undefined) {
    throw new VnetError('VNET_ERR_INVALID', `${nameless.name} has no address for patterns to talk to`);
  }
  if (places.length < 2) {
    throw new VnetError('VNET_ERR_INVALID', `patterns needs two machines or more, got ${places.length}`, {
      hint: "give the lab's VMs addresses: vm a1 on a ip 10.9.0.1/24",
    });
  }
  return new PatternsRun(await patternsProgram(), places, options);
}
