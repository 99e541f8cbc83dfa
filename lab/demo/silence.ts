/** A ping every 10 ms, and the longest time without an answer. */
import type { LabNode } from '../node.js';

const INTERVAL_MS = 10;
/** For the last answers. */
const TAIL_MS = 300;

export interface Silence {
  longestMs: number;
  /** Those after the last one answered are under way, not lost. */
  sent: number;
  lost: number;
}

export class Pinger {
  readonly #child: ReturnType<LabNode['spawn']>;
  readonly #ended: Promise<void>;
  #text = '';

  constructor(from: LabNode, address: string) {
    this.#child = from.spawn(['ping', '-D', '-n', '-i', String(INTERVAL_MS / 1000), address], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.#text += chunk.toString()));
    this.#ended = new Promise((resolve) => this.#child.once('close', () => resolve()));
  }

  async stop(): Promise<Silence> {
    await new Promise((resolve) => setTimeout(resolve, TAIL_MS));
    this.#child.kill('SIGINT');
    await this.#ended;
    return silenceOf(this.#text);
  }
}

/** From what `ping -D` prints: the time and the number of each answer. */
export function silenceOf(text: string): Silence {
  const answers = [...text.matchAll(/^\[(\d+\.\d+)\] \d+ bytes from .*icmp_seq=(\d+)/gm)];
  const times = answers.map(([, time]) => Number(time) * 1000);
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? time));
  const numbers = new Set(answers.map(([, , number]) => Number(number)));
  const sent = Math.max(0, ...numbers);
  return { longestMs: Math.max(0, ...gaps), sent, lost: sent - numbers.size };
}
