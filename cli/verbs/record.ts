import type { Command } from 'commander';
import type { CliContext } from '../context.js';
import { duration, plural, timeMs } from '../format.js';
import { endAfter } from '../pause.js';
import { recordHistory, type RecordResult } from '../recorder/index.js';
import { act, addVerb, GROUPS, type Run } from '../run.js';
import { openLineFile } from '../system/index.js';
import { recordHeader, recordStep } from '../../vttif/index.js';

const FOR_MS = [1000, 30 * 86_400_000] as const;

interface Options {
  for?: string;
  past?: boolean;
  replace?: boolean;
  network?: string;
}

export function addRecord(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'record <file>',
    group: GROUPS.explain,
    summary: 'keep the history of the traffic matrix in a file',
    about:
      'Writes what every pair counted, step by step, until Ctrl-C: a line of JSON a step. The Proxy holds the last ' +
      'minutes only, so a recorder that starts late or stalls misses steps, and says so. `vnet replay` runs the ' +
      'inference on the file, with these or with other parameters. `-` writes to standard output.',
    examples: [
      ['record run.vnetlog', 'until Ctrl-C'],
      ['record run.vnetlog --for 60s --past', 'a minute, and what is still held of the time before'],
      ['record - --for 10s | gzip > run.gz', 'packed'],
    ],
  })
    .option('--for <time>', 'end by itself after this')
    .option('--past', 'begin with what the Proxy still holds')
    .option('--replace', 'begin a file that is there anew')
    .option('--network <name>', 'only this one');
  act<[string], Options>(command, context, async (run, options, path) => {
    const forMs = options.for === undefined ? undefined : timeMs(options.for, 'a time', ...FOR_MS);
    const parameters = await run.client.sight(); // nothing is opened where nobody answers
    const file = openLineFile(path, options.replace ? 'replace' : 'new');
    const startedMs = context.clock.now();
    const { ended, done } = endAfter(run, forMs);
    try {
      file.write(recordHeader(parameters));
      const result = await recordHistory(run, {
        past: options.past === true,
        ended: ended.signal,
        write: (steps) => file.write(steps.map(recordStep).join('')),
        note: (text) => run.note(run.paint.warn(text)),
        ...(options.network === undefined ? {} : { network: options.network }),
      });
      report(run, path, result, context.clock.now() - startedMs);
    } finally {
      done();
      file.close();
    }
  });
}

/** Beside the steps, which may be on standard output. */
function report(run: Run, path: string, result: RecordResult, tookMs: number): void {
  if (path === '-') return;
  if (run.json) return run.printJson({ file: path, ...result, tookMs: Math.round(tookMs) });
  const missed = result.missed > 0 ? run.paint.warn(`, ${result.missed} missed`) : '';
  run.print(`${plural(result.steps, 'step')} written to ${path} in ${duration(tookMs)}${missed}`);
}
