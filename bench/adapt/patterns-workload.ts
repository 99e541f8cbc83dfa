/** The paper's BSP benchmark (9.1): all-to-all among all VMs of the bed, at a compute/communicate ratio. */
import { startPatterns } from '../../lab/index.js';
import type { RateSample, Workload } from './workload.js';

export const REPORT_MS = 250;
/** A port of its own for each run: what ended is remembered by the kernel for a minute, with its port. */
let port = 9900;
const PORT_LAST = 19_900;

export interface BspOptions {
  messageBytes: number;
  /** Floating-point operations for each octet that a rank sends. */
  ratio: number;
  /** Default: all-to-all. */
  shape?: string;
}

export function bspWorkload({ messageBytes, ratio, shape = 'all-to-all' }: BspOptions): Workload {
  return {
    unit: 'supersteps/s',
    start: async (bed) => {
      port = port >= PORT_LAST ? 9900 : port + 2;
      const samples: RateSample[] = [];
      const run = await startPatterns(await bed.places(), {
        ...{ shape, messageBytes, ratio, port, reportMs: REPORT_MS },
        onReport: ({ kind, unixMs, iterationsPerSecond: rate }) => {
          if (kind === 'interval') samples.push({ unixMs, rate });
        },
      });
      return {
        samples,
        stop: async () => {
          await run.stop();
        },
      };
    },
  };
}
