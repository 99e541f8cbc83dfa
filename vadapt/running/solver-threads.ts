/** Threads that stay between calls: a start costs tens of milliseconds, and what is compiled hot stays hot. */
import { availableParallelism } from 'node:os';
import { VnetError } from '../../core/index.js';
import { generateInstance } from '../instances/index.js';
import { compile } from '../model/compile.js';
import { epochMs, forThread, type ThreadJob, type ThreadResult } from './messages.js';
import { SolverThread } from './solver-thread.js';

/** A job that is cancelled has this long to come to its end; then its thread ends. */
const STOP_MS = 100;
/** The compiler has seen what is worth compiling by then. */
const EXERCISE_MS = 200;
const WARM_LIMIT_MS = 20_000;

export class SolverThreads {
  readonly #most: number;
  readonly #idle: SolverThread[] = [];
  readonly #busy = new Set<SolverThread>();
  /** Who waits for a thread. */
  readonly #queue: (() => void)[] = [];
  #taken = 0;
  #warmed: Promise<unknown> | undefined;
  #closed = false;

  /** `most`: threads at a time, default one a processor; further jobs wait. */
  constructor(most = availableParallelism()) {
    this.#most = most;
  }

  /** Has a thread ready, and what it runs compiled hot, so that the first budget finds both. Once. */
  async warm(): Promise<void> {
    this.#warmed ??= this.run(exercise, EXERCISE_MS + WARM_LIMIT_MS);
    await this.#warmed;
  }

  /**
   * `job` is made when a thread is there: waiting is no part of its budget.
   * @throws what the job threw; VNET_ERR_CLOSED within STOP_MS of `signal` aborting; as `SolverThread.run`
   */
  async run(job: () => ThreadJob, limitMs: number, signal?: AbortSignal): Promise<ThreadResult> {
    refuseAborted(signal);
    return await this.#with(async (thread) => {
      refuseAborted(signal);
      const cancel = () => stopSoon(thread, running);
      const running = thread.run(job(), limitMs);
      signal?.addEventListener('abort', cancel, { once: true });
      try {
        const result = await running;
        refuseAborted(signal);
        return result;
      } finally {
        signal?.removeEventListener('abort', cancel);
      }
    });
  }

  /** Idempotent; jobs that run reject. */
  close(): void {
    this.#closed = true;
    for (const thread of [...this.#idle, ...this.#busy]) thread.end();
    this.#idle.length = 0;
    for (const go of this.#queue.splice(0)) go();
  }

  async #with<Result>(work: (thread: SolverThread) => Promise<Result>): Promise<Result> {
    const thread = await this.#take();
    try {
      return await work(thread);
    } finally {
      this.#give(thread);
    }
  }

  async #take(): Promise<SolverThread> {
    if (this.#taken >= this.#most) await new Promise<void>((go) => this.#queue.push(go));
    if (this.#closed) throw new VnetError('VNET_ERR_CLOSED', 'the solvers were ended');
    this.#taken++;
    try {
      const thread = this.#idle.pop() ?? (await SolverThread.start());
      this.#busy.add(thread);
      if (this.#closed) thread.end(); // while it started
      return thread;
    } catch (thrown) {
      this.#next();
      throw thrown;
    }
  }

  #give(thread: SolverThread): void {
    this.#busy.delete(thread);
    if (this.#closed) thread.end();
    else if (thread.usable) this.#idle.push(thread);
    this.#next();
  }

  #next(): void {
    this.#taken--;
    this.#queue.shift()?.();
  }
}

/** Small, and of all that solvers meet: several hosts, relays, shared capacities. */
function exercise(): ThreadJob {
  const { problem, objective } = generateInstance('sites', {
    hosts: 8,
    vms: 8,
    flows: 20,
    pattern: 'mesh',
    seed: 1,
  });
  const request = { objective, deadlineMs: epochMs() + EXERCISE_MS, seed: 1 };
  return { kind: 'solve', instance: forThread(compile(problem)), solver: 'auto', request };
}

function stopSoon(thread: SolverThread, running: Promise<unknown>): void {
  thread.stop();
  const late = setTimeout(() => thread.end(cancelled()), STOP_MS);
  running.catch(() => {}).finally(() => clearTimeout(late));
}

function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled();
}

function cancelled(): VnetError {
  return new VnetError('VNET_ERR_CLOSED', 'the solver was cancelled');
}
