/** Echoes between two VMs' ports, sent in batches so that a person sees them come, and what they add up to. */
import { ECHOES_MAX, type EchoOptions, type EchoResult, VnetError } from '../core/index.js';
import { pause } from './pause.js';
import type { Run } from './run.js';

/** Time that one batch covers: how long a person waits for the first line. */
const BATCH_MS = 500;

export interface Echoes extends EchoResult {
  stats: EchoStats;
}

export interface EchoStats {
  sent: number;
  answered: number;
  /** 0 to 1. */
  lossRatio: number;
  /** Microseconds; absent where nothing was answered. */
  rtt?: RttStats;
}

export interface RttStats {
  minUs: number;
  avgUs: number;
  maxUs: number;
  /** Standard deviation, what ping(8) calls mdev. */
  mdevUs: number;
  p50Us: number;
  p90Us: number;
  p99Us: number;
}

/**
 * Sends `options.count` echoes; `heard` is told of each as its batch is over, numbered from 1. Ends early, with what
 * there is, when the run is interrupted or after `forMs`, which lost echoes would stretch. Rejects where the first batch cannot be sent.
 */
export async function sendEchoes(
  run: Run,
  from: string,
  to: string,
  options: EchoOptions,
  heard: (sequence: number, rttUs: number | null, hops: number | undefined) => void = () => {},
  forMs = Number.POSITIVE_INFINITY,
): Promise<Echoes> {
  const { clock, signal } = run.context;
  const rttUs: (number | null)[] = [];
  let hops: number | undefined;
  const batch = Math.max(1, Math.min(ECHOES_MAX, Math.floor(BATCH_MS / options.intervalMs)));
  let due = clock.now();
  const endMs = due + forMs;
  while (clock.now() < endMs && rttUs.length < options.count && !signal.aborted) {
    const waitMs = due - clock.now();
    if (waitMs > 0 && !(await pause(run, waitMs))) break;
    const count = Math.min(batch, options.count - rttUs.length);
    const result = await run.client.echo(from, to, {
      ...options,
      count,
      intervalMs: count === 1 ? 1 : options.intervalMs,
    });
    if (result.rttUs.length !== count)
      throw new VnetError('VNET_ERR_INTERNAL', `asked for ${count} echoes, heard of ${result.rttUs.length}`);
    hops = result.hops ?? hops;
    for (const one of result.rttUs) {
      rttUs.push(one);
      heard(rttUs.length, one, result.hops);
    }
    due += count * options.intervalMs;
  }
  return { rttUs, ...(hops === undefined ? {} : { hops }), stats: echoStats(rttUs) };
}

export function echoStats(rttUs: readonly (number | null)[]): EchoStats {
  const heard = rttUs.filter((one) => one !== null).sort((a, b) => a - b);
  const sent = rttUs.length;
  const lossRatio = sent === 0 ? 0 : 1 - heard.length / sent;
  const [minUs] = heard;
  if (minUs === undefined) return { sent, answered: 0, lossRatio };
  const avgUs = heard.reduce((sum, one) => sum + one, 0) / heard.length;
  const squares = heard.reduce((sum, one) => sum + (one - avgUs) ** 2, 0);
  return {
    sent,
    answered: heard.length,
    lossRatio,
    rtt: {
      minUs,
      avgUs,
      maxUs: heard.at(-1) ?? minUs,
      mdevUs: Math.sqrt(squares / heard.length),
      p50Us: quantile(heard, 0.5),
      p90Us: quantile(heard, 0.9),
      p99Us: quantile(heard, 0.99),
    },
  };
}

/** The least value that this share of the samples does not exceed (nearest rank). */
const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
