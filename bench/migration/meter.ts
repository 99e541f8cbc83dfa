/** The program that measures a move from outside (meter.cpp), built when it is wanted. */
import { type ChildProcess, execFile } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { LabNode } from '../../lab/index.js';
import { Absent } from '../figure.js';

const run = promisify(execFile);
const SOURCE = fileURLToPath(new URL('../../../bench/migration/meter.cpp', import.meta.url));
/** After the window's end, the program waits for what is under way. */
const REPORT_TIMEOUT_MS = 5_000;

/** What the meter says of one window. */
export interface Seen {
  /** The longest time without an answer to pings each millisecond. */
  pingSilenceMs: number;
  pingLost: number;
  pingRepeated: number;
  /** The longest time without a byte of a TCP stream from the VM. */
  streamSilenceMs: number;
  streamWhole: boolean;
  /** Numbered datagrams, 1000 a second each way. */
  toVmSent: number;
  toVmLost: number;
  toVmRepeated: number;
  fromVmSilenceMs: number;
  fromVmSent: number;
  fromVmLost: number;
  fromVmRepeated: number;
}

/** Static: it runs in a guest that has no libraries. */
export async function buildMeter(program: string): Promise<void> {
  const compiler = process.env['CXX'] ?? 'g++';
  await run(compiler, ['-std=c++20', '-O2', '-static', '-o', program, SOURCE]).catch((error: Error) => {
    throw new Absent(`the meter cannot be built: ${error.message.split('\n').slice(0, 2).join(' ')}`);
  });
}

/** The end that stays. */
export class Watch {
  readonly #child: ChildProcess;
  readonly #waiting: ((line: string) => void)[] = [];

  constructor(node: LabNode, program: string, address: string) {
    this.#child = node.spawn([program, 'watch', address], { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#child.stdout)
      createInterface({ input: this.#child.stdout }).on('line', (line) => this.#waiting.shift()?.(line));
  }

  begin(): void {
    this.#child.stdin?.write('begin\n');
  }

  end(): Promise<Seen> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the meter does not answer')), REPORT_TIMEOUT_MS);
      this.#waiting.push((line) => {
        clearTimeout(timer);
        resolve(JSON.parse(line) as Seen);
      });
      this.#child.stdin?.write('end\n');
    });
  }

  /** Until the VM answers in every way. */
  async ready(timeoutMs: number): Promise<void> {
    for (const start = performance.now(); ; ) {
      this.begin();
      await new Promise((resolve) => setTimeout(resolve, 100));
      const seen = await this.end();
      if (seen.streamWhole && seen.pingLost === 0 && seen.toVmSent > 0 && seen.fromVmSent > 0) return;
      if (performance.now() - start > timeoutMs)
        throw new Error(`the VM does not answer the meter: ${JSON.stringify(seen)}`);
    }
  }

  close(): void {
    this.#child.stdin?.end();
  }
}
