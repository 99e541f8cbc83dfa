/** The outside of one solver's thread: a job at a time, and an end that never waits for the thread's consent. */
import { Worker } from 'node:worker_threads';
import { VnetError } from '../../core/index.js';
import type { StopFlag, ThreadJob, ThreadMessage, ThreadReply, ThreadResult } from './messages.js';

/** JavaScript's own memory of a solver; arrays are not in it. */
export const THREAD_HEAP_MB = 1024;
/** A thread that has imported nothing after this never will. */
const START_MS = 20_000;

interface Waiting {
  resolve: (reply: ThreadReply) => void;
  reject: (error: VnetError) => void;
}

export class SolverThread {
  readonly #worker: Worker;
  #waiting: Waiting | undefined;
  /** Why it is of no more use. */
  #gone: VnetError | undefined;
  #stop: StopFlag | undefined;

  private constructor(script: URL) {
    this.#worker = new Worker(script, { resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MB } });
    this.#worker.on('message', (reply: ThreadReply) => this.#settle(({ resolve }) => resolve(reply)));
    this.#worker.on('error', (cause) => this.#lost(whyLost(cause)));
    this.#worker.on('exit', (code) => this.#lost(died(`its thread ended with code ${code}`)));
  }

  /** Resolves once everything is imported: a budget is not spent on it. */
  static async start(script = new URL('./solver-worker.js', import.meta.url)): Promise<SolverThread> {
    const thread = new SolverThread(script);
    const late = setTimeout(
      () => thread.end(died(`its thread was not there in ${START_MS / 1000} s`)),
      START_MS,
    );
    try {
      await thread.#next();
    } finally {
      clearTimeout(late);
    }
    thread.#worker.unref();
    return thread;
  }

  get usable(): boolean {
    return this.#gone === undefined;
  }

  /**
   * @param limitMs then it hangs: the thread is ended, the promise rejects
   * @throws what the job threw; VNET_ERR_TIMEOUT, VNET_ERR_LIMIT (memory) or VNET_ERR_INTERNAL where the thread is lost
   */
  async run(job: ThreadJob, limitMs: number): Promise<ThreadResult> {
    if (this.#gone) throw this.#gone;
    this.#stop = new Int32Array(new SharedArrayBuffer(4));
    const message: ThreadMessage = { job, stop: this.#stop };
    const hangs = setTimeout(() => this.end(hung(limitMs)), limitMs);
    this.#worker.ref();
    try {
      const answer = this.#next();
      this.#worker.postMessage(message);
      const reply = await answer;
      if ('error' in reply) throw VnetError.fromBody(reply.error);
      if ('result' in reply) return reply.result;
      throw died('its thread said nothing of the job');
    } finally {
      clearTimeout(hangs);
      this.#worker.unref();
    }
  }

  /** Asks the job to come to its end; a solver that looks at the clock does, at once. */
  stop(): void {
    if (this.#stop) Atomics.store(this.#stop, 0, 1);
  }

  /** Ends the thread whatever it does; a job in it rejects. */
  end(reason: VnetError = new VnetError('VNET_ERR_CLOSED', 'the solver was ended')): void {
    this.#lost(reason);
    void this.#worker.terminate();
  }

  #next(): Promise<ThreadReply> {
    return new Promise((resolve, reject) => {
      if (this.#gone) reject(this.#gone);
      else this.#waiting = { resolve, reject };
    });
  }

  #lost(reason: VnetError): void {
    this.#gone ??= reason;
    const gone = this.#gone;
    this.#settle(({ reject }) => reject(gone));
  }

  #settle(how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) how(waiting);
  }
}

function died(how: string): VnetError {
  return new VnetError('VNET_ERR_INTERNAL', `the solver died: ${how}`);
}

function hung(limitMs: number): VnetError {
  return new VnetError(
    'VNET_ERR_TIMEOUT',
    `the solver gave no answer in ${(limitMs / 1000).toFixed(1)} s and was ended`,
  );
}

function whyLost(cause: unknown): VnetError {
  const { code, message } = cause as { code?: string; message?: string };
  if (code === 'ERR_WORKER_OUT_OF_MEMORY')
    return new VnetError('VNET_ERR_LIMIT', `the solver took more than ${THREAD_HEAP_MB} MB and was ended`, {
      cause,
    });
  return new VnetError('VNET_ERR_INTERNAL', `the solver died: ${message ?? String(cause)}`, { cause });
}
