/** One TCP stream between two nodes of a lab. */
import type { Lab } from '../lab/index.js';

const LISTEN_MS = 300;

export interface TransferOptions {
  from: string;
  to: string;
  address: string;
  seconds: number;
}

/** Gigabits per second that the stream gets, cubic. */
export async function transfer(lab: Lab, { from, to, address, seconds }: TransferOptions): Promise<number> {
  const server = lab.node(to).spawn(['iperf3', '-s', '-1'], { stdio: 'ignore' });
  await new Promise((resolve) => setTimeout(resolve, LISTEN_MS));
  const { stdout, stderr } = await lab
    .node(from)
    .run(['iperf3', '-J', '-C', 'cubic', '-t', String(seconds), '-c', address]);
  server.kill('SIGTERM');
  const report = JSON.parse(stdout) as {
    end?: { sum_received?: { bits_per_second: number } };
    error?: string;
  };
  const rate = report.end?.sum_received?.bits_per_second;
  if (rate === undefined) throw new Error(`iperf3: ${report.error ?? stderr}`);
  return rate / 1e9;
}
