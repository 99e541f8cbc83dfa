/** Two hosts of a lab, a measured UDP link between them, and cross traffic beside it whose rate is known. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type LinkEstimate, VnetError } from '../../core/index.js';
import { emptySpec, emulatorProgram, type Lab, makeLab } from '../../lab/index.js';

const ENDPOINT = fileURLToPath(new URL('underlay-endpoint.js', import.meta.url));
/** The lab's rates count Ethernet headers, Wren counts IP packets; of full-size packets this share is IP. */
export const IP_SHARE = 1500 / 1514;
const CROSS_PAYLOAD_BYTES = 1472;
/** Until what waits in the lab's queues has arrived. */
const DRAIN_MS = 300;
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

  /** Constant, unresponsive UDP from a to b, evenly spaced. @returns bits a second of IP packets that arrived, once it is over */
  async cross(rateBps: number, seconds: number): Promise<() => Promise<number>> {
    const program = await emulatorProgram();
    const a = this.lab.host('a');
    const b = this.lab.host('b');
    const sink = b.spawn([program, 'sink', b.address], { stdio: ['ignore', 'pipe', 'inherit'] });
    const said = linesOf(sink);
    const port = await said.next();
    const payload = Math.round((rateBps * CROSS_PAYLOAD_BYTES) / 1514);
    const what = [port, CROSS_PAYLOAD_BYTES, payload, Math.round(seconds * 1000)].map(String);
    const running = a.run([program, 'cross', b.address, ...what]);
    return async () => {
      await running;
      await pause(DRAIN_MS);
      sink.kill('SIGTERM');
      const { bytes, ms } = JSON.parse(await said.next()) as { bytes: number; ms: number };
      if (!(ms > 0)) throw new VnetError('VNET_ERR_INTERNAL', 'no cross traffic arrived');
      return ((bytes * 8 * 1000) / ms) * (1500 / CROSS_PAYLOAD_BYTES);
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

/** One line after another of what a child says. */
function linesOf(child: ChildProcess): { next(): Promise<string> } {
  if (!child.stdout) throw new VnetError('VNET_ERR_INTERNAL', 'the child has no output');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async next() {
      const { value, done } = await lines.next();
      if (done) throw new VnetError('VNET_ERR_INTERNAL', 'the child ended without a word');
      return value;
    },
  };
}
