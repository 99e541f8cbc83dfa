/** `vnet lab patterns`, to be mounted beside the lab's other verbs. */
import type { Command } from 'commander';
import { VnetError } from '../../core/index.js';
import { openLab } from '../lab.js';
import type { PatternsOptions } from './options.js';
import type { PatternsReport } from './report.js';
import { startPatterns } from './run.js';
import { type PatternOperation, neighbours } from './shape.js';

type Print = (text: string) => void;

interface Flags {
  shape: string;
  operation: PatternOperation;
  schedule?: string;
  cycles?: number;
  seconds?: number;
  message: number;
  flops?: number;
  ratio?: number;
  computeUs?: number;
  pauseUs?: number;
  on?: string;
  json?: boolean;
}

function reportLine(report: PatternsReport): string {
  const share = (value: number) => `${(value * 100).toFixed(0)}%`;
  return [
    report.kind === 'phase' ? 'phase' : '     ',
    report.shape.padEnd(12),
    `${report.iterationsPerSecond.toFixed(1)} iterations/s`.padStart(20),
    `compute ${share(report.computeShare)}`.padStart(13),
    `median ${(report.medianUs / 1000).toFixed(2)} ms`.padStart(18),
    `p95 ${(report.p95Us / 1000).toFixed(2)} ms`.padStart(16),
  ].join(' ');
}

function optionsOf(flags: Flags): PatternsOptions {
  const { seconds, message, schedule, shape, operation, on: _on, json: _json, ...rest } = flags;
  return {
    operation,
    messageBytes: message,
    ...(schedule === undefined ? { shape } : { schedule }),
    ...(seconds === undefined ? {} : { durationMs: seconds * 1000 }),
    ...rest,
  };
}

async function patterns(name: string, flags: Flags, print: Print): Promise<void> {
  const lab = openLab(name);
  const places = flags.on === undefined ? lab.vms : flags.on.split(',').map((node) => lab.node(node));
  if (flags.schedule === undefined) neighbours(flags.shape, places.length); // mistakes before processes
  const show = (value: PatternsReport) =>
    print(flags.json === true ? JSON.stringify(value) : reportLine(value));
  await using run = await startPatterns(places, { ...optionsOf(flags), onReport: show });
  const stop = () => void run.stop().catch(() => {});
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, stop);
  const [first] = await run.end.finally(() => {
    for (const signal of signals) process.off(signal, stop);
  });
  if (first === undefined) throw new VnetError('VNET_ERR_INTERNAL', 'rank 0 gave no result');
  print(
    flags.json === true
      ? JSON.stringify(first)
      : `${first.iterations} iterations in ${first.seconds.toFixed(1)} s: ${first.iterationsPerSecond.toFixed(1)} a second`,
  );
}

/** Adds `patterns` to the command `lab`. @param print a line; default: standard output */
export function addPatternsVerb(
  lab: Command,
  print: Print = (text) => void process.stdout.write(`${text}\n`),
): void {
  lab
    .command('patterns')
    .argument('<name>', 'a lab that is up')
    .option('--shape <shape>', 'bus, ring, mesh:4x4, torus:2x2x2, hypercube, tree, all-to-all', 'ring')
    .option('--operation <name>', 'exchange, reduction, all-to-all', 'exchange')
    .option('--schedule <phases>', 'shapes in turn instead: "ring 5s, all-to-all 5s"')
    .option('--cycles <n>', 'times through the schedule, 0 for ever', Number)
    .option('--seconds <n>', 'how long; default: until Ctrl-C', Number)
    .option('--message <octets>', 'size of a message', Number, 16_000)
    .option('--flops <n>', 'floating-point operations a superstep', Number)
    .option('--ratio <n>', 'floating-point operations for each octet sent', Number)
    .option('--compute-us <n>', 'CPU time a superstep', Number)
    .option('--pause-us <n>', 'time without CPU a superstep', Number)
    .option('--on <nodes>', 'hosts, VMs or clients, rank 0 first, with commas; default: all VMs')
    .option('--json', 'the reports as JSON lines')
    .description('run a synthetic parallel program in the VMs and tell its iterations a second')
    .addHelpText('after', '\nExample:\n  vnet lab patterns wan --shape torus:2x4 --ratio 10 --seconds 10')
    .action((name: string, flags: Flags) => patterns(name, flags, print));
}
