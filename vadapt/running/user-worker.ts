/**
 * The inside of the thread of a solver of the user's: imports the module, calls its `solve(instance, options)`, which may
 * be asynchronous, and says what came of it as text, since what a stranger returns need not be something that can be sent.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { UserReply, UserTask } from './user-file.js';

const { module, request } = workerData as UserTask;

void run().then(
  (reply) => parentPort?.postMessage(reply),
  (thrown: unknown) => parentPort?.postMessage({ failed: wordsOf(thrown) } satisfies UserReply),
);

async function run(): Promise<UserReply> {
  const { solve } = (await import(module)) as { solve?: unknown };
  if (typeof solve !== 'function') return { failed: 'it exports no function `solve(instance, options)`' };
  const { instance, options } = JSON.parse(request);
  parentPort?.postMessage({ loaded: true } satisfies UserReply);
  const startedMs = performance.now();
  const answer: unknown = await solve(instance, options);
  const tookMs = performance.now() - startedMs;
  if (answer === undefined || answer === null) return { tookMs };
  return { answer: JSON.stringify(answer), tookMs };
}

function wordsOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `it threw ${String(thrown)}`;
  const at = thrown.stack?.split('\n').find((line) => line.includes(module));
  return `it threw ${thrown.name}: ${thrown.message}${at === undefined ? '' : ` (${at.trim()})`}`;
}
