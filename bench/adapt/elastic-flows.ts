/** TCP streams that take what they get, around a ring of all VMs of a bed: independent flows, no lockstep. */
import type { ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import type { AdaptBed } from './bed.js';

const PORT = 5300;
const LISTEN_MS = 300;
const POLL_MS = 250;

export class ElasticFlows {
  private constructor(
    readonly bed: AdaptBed,
    /** VM names. */
    readonly pairs: readonly { from: string; to: string }[],
    readonly children: ChildProcess[],
  ) {}

  static async start(bed: AdaptBed): Promise<ElasticFlows> {
    const places = await bed.places();
    const [port, stdio] = [String(PORT), 'ignore'] as const;
    const children = places.map((place) => place.spawn(['iperf3', '-s', '-p', port], { stdio }));
    await pause(LISTEN_MS);
    const pairs = places.map((place, i) => {
      const next = places[(i + 1) % places.length] ?? place;
      children.push(place.spawn(['iperf3', '-t', '0', '-p', port, '-c', next.address], { stdio }));
      return { from: place.name, to: next.name };
    });
    return new ElasticFlows(bed, pairs, children);
  }

  /** What each gets over a while, bits a second as the overlay counts them, by `from to`. */
  async rates(ms: number): Promise<Map<string, number>> {
    const sums = new Map(this.pairs.map(({ from, to }) => [`${from} ${to}`, 0]));
    const until = performance.now() + ms;
    let looks = 0;
    do {
      await pause(POLL_MS);
      const { pairs } = await this.bed.client.matrix();
      looks++;
      for (const { from, to, bitsPerSecond } of pairs) {
        const sum = sums.get(`${from} ${to}`);
        if (sum !== undefined) sums.set(`${from} ${to}`, sum + bitsPerSecond);
      }
    } while (performance.now() < until);
    return new Map([...sums].map(([pair, sum]) => [pair, sum / looks]));
  }

  stop(): void {
    for (const child of this.children) child.kill('SIGKILL');
  }
}
