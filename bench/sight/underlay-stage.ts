/** Two hosts of a lab, a measured UDP link between them, and cross traffic beside it whose rate is known. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type LinkEstimate, VnetError } from '../../core/index.js';
import { emptySpec, type Lab, makeLab } from '../../lab/index.js';

const ENDPOINT = fileURLToPath(new URL('underlay-endpoint.js', import.meta.url));
/** The lab's rates count Ethernet headers, Wren counts IP packets; of full-size packets this share is IP. */
export const IP_SHARE = 1500 / 1514;
const CROSS_PAYLOAD_BYTES = 1472;
const CROSS_PORT = 5201;
/**
 * A socket's buffer holds what waits in the lab's queues too (skbs keep their socket across namespaces): one stream
 * would stand still while a train's queue drains, and be no longer unresponsive. More than this asks for several.
 */
const STREAM_BPS_MAX = 100e6;
const SERVER_START_MS = 300;
const READY_MS = 10_000;

export interface Line {
  atMs: number;
  estimate?: LinkEstimate;
  notes: string[];
  probeBytes: number;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class UnderlayStage {
  /** Of b, about what arrives from a: the newest first line is never kept waiting for. */
  latest: Line | undefined;
  /** Octets of trains that a sent. */
  probeBytes = 0;
  #ends: ChildProcess[] = [];
  #crossPort = CROSS_PORT;

  private constructor(readonly lab: Lab) {}

  static async make(rateBps: number | null, delayMs = 0): Promise<UnderlayStage> {
    const spec = emptySpec();
    spec.hosts.push({ name: 'a' }, { name: 'b' });
    for (const [from, to] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      spec.paths.push({ from, to, rateBps, ...(delayMs > 0 ? { delayMs } : {}) });
    }
    const stage = new UnderlayStage(await makeLab(spec, { name: `wren${process.pid}` }));
    try {
      stage.#start();
      await stage.until(() => stage.latest?.estimate !== undefined, READY_MS);
      return stage;
    } catch (thrown) {
      await stage.close();
      throw thrown;
    }
  }

  async until(check: () => boolean, timeoutMs: number): Promise<number> {
    const start = performance.now();
    while (!check()) {
      if (performance.now() - start > timeoutMs) {
        throw new VnetError('VNET_ERR_TIMEOUT', `waited ${timeoutMs} ms for the measured link`);
      }
      await pause(20);
    }
    return performance.now() - start;
  }

  /** Constant, unresponsive UDP from a to b. @returns bits a second of IP packets that arrived, once it is over */
  async cross(rateBps: number, seconds: number): Promise<() => Promise<number>> {
    const port = this.#crossPort++;
    const a = this.lab.host('a');
    const b = this.lab.host('b');
    const server = b.spawn(['iperf3', '-s', '-1', '-p', String(port)], { stdio: 'ignore' });
    await pause(SERVER_START_MS);
    const streams = Math.ceil(rateBps / STREAM_BPS_MAX);
    const payload = Math.round((rateBps * CROSS_PAYLOAD_BYTES) / 1514 / streams);
    const flags = [
      '-u',
      '-J',
      '-b',
      String(payload),
      '-l',
      String(CROSS_PAYLOAD_BYTES),
      '-t',
      String(seconds),
      '-P',
      String(streams),
    ];
    const running = a.run(['iperf3', ...flags, '-p', String(port), '-c', b.address]);
    return async () => {
      const { stdout, stderr } = await running;
      server.kill('SIGTERM');
      const sum = (JSON.parse(stdout || '{}') as IperfReport).end?.sum;
      if (!sum) throw new VnetError('VNET_ERR_INTERNAL', `iperf3 measured nothing: ${stderr || stdout}`);
      return sum.bits_per_second * (1 - sum.lost_percent / 100) * (1500 / CROSS_PAYLOAD_BYTES);
    };
  }

  async close(): Promise<void> {
    for (const end of this.#ends) end.stdin?.end();
    await this.lab.close();
  }

  #start(): void {
    const { lab } = this;
    const start = (name: string, peer: string, ...more: string[]): ChildProcess => {
      const host = lab.host(name);
      const command = [process.execPath, ENDPOINT, name, host.address, peer, ...more];
      const child = host.spawn(command, { stdio: ['pipe', 'pipe', 'inherit'] });
      this.#ends.push(child);
      return child;
    };
    const lines = (child: ChildProcess, take: (line: Line) => void) => {
      if (child.stdout)
        createInterface({ input: child.stdout }).on('line', (text) => take(JSON.parse(text) as Line));
    };
    lines(start('b', 'a'), (line) => {
      this.latest = line;
    });
    lines(start('a', 'b', lab.host('b').address), (line) => {
      this.probeBytes = line.probeBytes;
    });
  }
}

interface IperfReport {
  end?: { sum?: { bits_per_second: number; lost_percent: number } };
}
