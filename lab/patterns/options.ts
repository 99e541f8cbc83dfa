/** What a run is told, and the program's command line for it. */
import type { PatternsReport } from './report.js';
import type { PatternOperation } from './shape.js';

export interface PatternsOptions {
  /** As `neighbours` takes it. Default `ring`. */
  shape?: string;
  /** Default `exchange`. */
  operation?: PatternOperation;
  /** Shapes one after the other instead of `shape`: `ring 5s, torus:4x4 reduction 100x`. */
  schedule?: string;
  /** Times through the schedule; 0 is for ever. Default 1. */
  cycles?: number;
  /** The end. Default: `stop`. */
  iterations?: number;
  durationMs?: number;
  /** Size of one message, its header of 32 octets included. Default 16,000. */
  messageBytes?: number;
  /** Compute phase, floating-point operations a superstep. These four add up; default none. */
  flops?: number;
  /** Compute to communicate: floating-point operations for each octet that a rank sends on average. */
  ratio?: number;
  /** CPU time. */
  computeUs?: number;
  /** Time without CPU, where many VMs share few cores. */
  pauseUs?: number;
  /** Default 1000; at least 10. */
  reportMs?: number;
  /** Until all neighbours are there, at the start of each shape. Default 30,000. */
  connectTimeoutMs?: number;
  /** Without any message. Default 30,000: longer than any migration should take. */
  stallTimeoutMs?: number;
  /** Default 9900. Noise takes the next one. */
  port?: number;
  noise?: PatternsNoise;
  /** Called with rank 0's reports as they come. */
  onReport?: (report: PatternsReport) => void;
}

/** Traffic beside the pattern, by rank: what inference must see through. It ends with the run. */
export interface PatternsNoise {
  /** A shell session for each pair: 36 to 180 octets to and fro, at random moments. */
  chat?: readonly (readonly [from: number, to: number])[];
  /** Mean time between them. Default 300. */
  chatGapMs?: number;
  /** Backups: one way, at a rate. */
  stream?: readonly { from: number; to: number; bitsPerSecond: number }[];
  /** Of the random moments. Default 1. */
  seed?: number;
}

const DEFAULT_CHAT_GAP_MS = 300;
const DEFAULT_PORT = 9900;

type Flag = [name: string, value: string | undefined];

const times = (value: number | undefined, unit: string) =>
  value === undefined ? undefined : `${value}${unit}`;
const text = (value: number | string | undefined) => (value === undefined ? undefined : String(value));

/** The words behind `patterns run`. */
export function runArguments(rank: number, options: PatternsOptions): string[] {
  const flags: Flag[] = [
    ['--rank', text(rank)],
    ['--peers', '-'],
    ['--shape', options.shape],
    ['--operation', options.operation],
    ['--schedule', options.schedule],
    ['--cycles', text(options.cycles)],
    ['--iterations', text(options.iterations)],
    ['--duration', times(options.durationMs, 'ms')],
    ['--message', text(options.messageBytes)],
    ['--flops', text(options.flops)],
    ['--ratio', text(options.ratio)],
    ['--compute', times(options.computeUs, 'us')],
    ['--pause', times(options.pauseUs, 'us')],
    ['--report', times(options.reportMs, 'ms')],
    ['--connect-timeout', times(options.connectTimeoutMs, 'ms')],
    ['--stall-timeout', times(options.stallTimeoutMs, 'ms')],
    ['--port', text(options.port)],
  ];
  return flags.flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
}

/** The words behind `patterns noise`, by rank. Servers come first. */
export function noiseArguments(
  options: PatternsOptions,
  addresses: readonly string[],
): { rank: number; words: string[] }[] {
  const { chat = [], stream = [], chatGapMs = DEFAULT_CHAT_GAP_MS, seed = 1 } = options.noise ?? {};
  const port = String((options.port ?? DEFAULT_PORT) + 1);
  const to = (rank: number) => [addresses[rank] ?? '', port];
  const served = new Set([...chat.map(([, other]) => other), ...stream.map((backup) => backup.to)]);
  return [
    ...[...served].map((rank) => ({ rank, words: ['serve', ...to(rank)] })),
    ...chat.map(([rank, other], index) => ({
      rank,
      words: ['chat', ...to(other), `${chatGapMs}ms`, String(seed + index)],
    })),
    ...stream.map((backup) => ({
      rank: backup.from,
      words: ['stream', ...to(backup.to), String(Math.round(backup.bitsPerSecond))],
    })),
  ];
}
