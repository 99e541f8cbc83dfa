/** The inside of a solver's thread: one job after another, until the caller ends it. */
import { parentPort } from 'node:worker_threads';
import { seededRandom, VnetError } from '../../core/index.js';
import { upperBound } from '../exact/index.js';
import { evaluate } from '../model/evaluate.js';
import type { SolveOptions } from '../model/solver.js';
import {
  epochMs,
  pack,
  type StopFlag,
  type ThreadJob,
  type ThreadMessage,
  type ThreadReply,
  type ThreadRequest,
  type ThreadResult,
  unpack,
} from './messages.js';
import { solverNamed } from './registry.js';

parentPort?.on('message', ({ job, stop }: ThreadMessage) => {
  work(job, stop).then(
    (result) => reply({ result }),
    (thrown: unknown) => reply({ error: VnetError.from(thrown).toBody() }),
  );
});
reply({ ready: true });

function reply(message: ThreadReply): void {
  const found = 'result' in message ? message.result.found : undefined;
  const memory = found ? [found.mapping.buffer, found.hops.buffer, found.start.buffer] : [];
  parentPort?.postMessage(message, memory as ArrayBuffer[]);
}

async function work(job: ThreadJob, stop: StopFlag): Promise<ThreadResult> {
  if (job.kind === 'solve') return await solve(job, stop);
  const startedMs = performance.now();
  const { instance, objective } = job;
  const said =
    job.kind === 'bound'
      ? { bound: upperBound(instance, objective) }
      : { value: evaluate(instance, objective, unpack(job.placement)).value };
  return { ...said, tookMs: performance.now() - startedMs };
}

async function solve(job: ThreadJob & { kind: 'solve' }, stop: StopFlag): Promise<ThreadResult> {
  const { instance, request } = job;
  const askedMs = performance.now();
  const solver = await solverNamed(job.solver).load();
  const startedMs = performance.now();
  const answer = solver.solve(instance, optionsOf(request, stop, startedMs - askedMs));
  const tookMs = performance.now() - startedMs;
  if (answer === undefined) return { tookMs };
  const { value } = evaluate(instance, request.objective, answer);
  return {
    tookMs,
    found: pack(answer),
    value,
    ...(answer.bound === undefined ? {} : { bound: answer.bound }),
  };
}

/** `loadMs`: a program's start, which is no part of the budget. */
function optionsOf(
  { objective, deadlineMs, seed, start }: ThreadRequest,
  stop: StopFlag,
  loadMs: number,
): SolveOptions {
  return {
    objective,
    budgetMs: Math.max(0, deadlineMs + loadMs - epochMs()),
    // A solver that looks at the clock sees that it is over.
    now: () => (Atomics.load(stop, 0) === 0 ? performance.now() : Number.POSITIVE_INFINITY),
    random: seededRandom(seed),
    ...(start === undefined ? {} : { start: unpack(start) }),
  };
}
