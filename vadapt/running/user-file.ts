/**
 * A solver of the user's as a file: an ES module that exports `solve(instance, options)`. It runs in a thread of its own,
 * a new one each time, with a limit on time and memory. It is the user's code and may do what the user may do.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { VnetError } from '../../core/index.js';
import {
  ANSWER_CHARS_MAX,
  GRACE_MS,
  LOAD_MS,
  type StrangerRun,
  type StrangerAnswer,
  tailOf,
  USER_HEAP_MB,
} from './stranger.js';

export interface UserTask {
  /** URL. */
  module: string;
  /** requestText. */
  request: string;
}

export type UserReply =
  | { loaded: true; failed?: never }
  | { failed: string; loaded?: never }
  | { answer?: string; tookMs: number; loaded?: never; failed?: never };

/** @throws VNET_ERR_NOT_FOUND, VNET_ERR_TIMEOUT, VNET_ERR_LIMIT (memory), VNET_ERR_INVALID for what it throws or answers */
export async function runFile(path: string, run: StrangerRun): Promise<StrangerAnswer> {
  const file = resolve(path);
  if (!existsSync(file)) throw new VnetError('VNET_ERR_NOT_FOUND', `there is no solver ${path}`);
  const task: UserTask = { module: pathToFileURL(file).href, request: run.request };
  const worker = new Worker(new URL('./user-worker.js', import.meta.url), {
    workerData: task,
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: run.heapMb ?? USER_HEAP_MB },
  });
  const said = tailOf(worker.stdout, worker.stderr);
  try {
    return await answerOf(worker, run);
  } catch (thrown) {
    const { code, message } = VnetError.from(thrown);
    throw new VnetError(code, `${path}: ${message}`, { ...said.hint(), cause: thrown });
  } finally {
    await worker.terminate();
  }
}

function answerOf(
  worker: Worker,
  { budgetMs, signal, heapMb = USER_HEAP_MB }: StrangerRun,
): Promise<StrangerAnswer> {
  return new Promise((resolve, reject) => {
    const refuse = (code: ConstructorParameters<typeof VnetError>[0], message: string) =>
      reject(new VnetError(code, message));
    const late = (ms: number, what: string) =>
      setTimeout(() => refuse('VNET_ERR_TIMEOUT', `${what} in ${(ms / 1000).toFixed(1)} s`), ms);
    let timer = late(LOAD_MS, 'it was not imported');
    const cancel = () => refuse('VNET_ERR_CLOSED', 'it was cancelled');
    signal?.addEventListener('abort', cancel, { once: true });
    worker.on('message', (reply: UserReply) => {
      clearTimeout(timer);
      if (reply.failed !== undefined) refuse('VNET_ERR_INVALID', reply.failed);
      else if (reply.loaded) timer = late(budgetMs + GRACE_MS, 'it gave no answer');
      else if (reply.answer !== undefined && reply.answer.length > ANSWER_CHARS_MAX)
        refuse('VNET_ERR_LIMIT', `its answer has more than ${ANSWER_CHARS_MAX} characters`);
      else resolve({ ...(reply.answer === undefined ? {} : { text: reply.answer }), tookMs: reply.tookMs });
    });
    worker.on('error', (cause: Error & { code?: string }) => {
      if (cause.code === 'ERR_WORKER_OUT_OF_MEMORY')
        refuse('VNET_ERR_LIMIT', `it took more than ${heapMb} MB`);
      else refuse('VNET_ERR_INVALID', `it threw ${cause.message}`);
    });
    worker.on('exit', (code) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      refuse('VNET_ERR_INVALID', `it ended with code ${code} and gave no answer`);
    });
    if (signal?.aborted) cancel();
  });
}
