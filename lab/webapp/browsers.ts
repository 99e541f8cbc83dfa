/**
 * Emulated browsers (TPC-W's RBE), the load generator's program in each client: each browser asks for a page of the
 * mix, then for its images over the same two connections, then thinks.
 */
import { Agent } from 'node:http';
import { fileURLToPath } from 'node:url';
import { AUTHORS, SUBJECTS, TITLE_WORDS } from './catalogue.js';
import { get } from './http-get.js';
import { type Page, pageShares, pickPage, type WebMix } from './pages.js';
import type { WebLine } from './report.js';
import { Tally } from './tally.js';

export const BROWSERS_PROGRAM = fileURLToPath(import.meta.url);
const CONNECTIONS = 2;
const READY_TIMEOUT_MS = 30_000;
const AGAIN_MS = 100;
/** TPC-W clause 5.3.2.1: think times are exponential, cut off at ten times their mean. */
const THINK_CUT = 10;
const AFTER_ERROR_MS = 200;

export interface BrowserSettings {
  client: string;
  fronts: { address: string; port: number }[];
  browsers: number;
  firstSession: number;
  thinkMs: number;
  mix: WebMix;
  books: number;
  reportMs: number;
  durationMs: number | undefined;
  seed: number;
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Mulberry32: small, seeded, good enough to choose pages. */
function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function pathOf(page: Page, random: () => number, books: number): string {
  const one = (list: readonly string[]) => list[Math.floor(random() * list.length)] ?? '';
  const book = Math.floor(random() * books);
  switch (page) {
    case 'product':
      return `/product?id=${book}`;
    case 'cart':
      return `/cart?add=${book}`;
    case 'new-products':
    case 'best-sellers':
      return `/${page}?subject=${one(SUBJECTS)}`;
    case 'search-results':
      return random() < 0.5 ? `/${page}?by=author&word=${one(AUTHORS)}` : `/${page}?word=${one(TITLE_WORDS)}`;
    case 'register':
      return `/register?name=person-${book}`;
    default:
      return `/${page}`;
  }
}

class Browsers {
  readonly #shares: ReturnType<typeof pageShares>;
  readonly #whole = new Tally();
  #interval = new Tally();
  #running = true;
  readonly #sleepers = new Set<() => void>();

  constructor(readonly settings: BrowserSettings) {
    this.#shares = pageShares(settings.mix);
  }

  /** Until every front, and through it an application server and the whole store, answers. */
  async ready(): Promise<void> {
    const agent = new Agent();
    const deadline = performance.now() + READY_TIMEOUT_MS;
    for (const front of this.settings.fronts) {
      for (;;) {
        try {
          await get(front, '/health', agent, 0);
          break;
        } catch (error) {
          if (performance.now() > deadline) throw error;
          await sleep(AGAIN_MS);
        }
      }
    }
  }

  async run(print: (line: WebLine) => void): Promise<void> {
    const { client, reportMs, browsers, durationMs } = this.settings;
    const timer = setInterval(() => {
      print(this.#interval.report('interval', client));
      this.#interval = new Tally();
    }, reportMs);
    const all = Array.from({ length: browsers }, (_, index) => this.#browse(index));
    if (durationMs !== undefined) setTimeout(() => this.stop(), durationMs).unref();
    await Promise.all(all);
    clearInterval(timer);
    print(this.#whole.report('end', client));
  }

  stop(): void {
    this.#running = false;
    for (const wake of this.#sleepers) wake();
  }

  #think(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#sleepers.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#sleepers.add(done);
    });
  }

  async #browse(index: number): Promise<void> {
    const { fronts, firstSession, thinkMs, books, seed } = this.settings;
    const random = randomSource(seed * 1_000_003 + firstSession + index);
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    const front = fronts[index % fronts.length] ?? { address: '', port: 0 };
    await this.#think(random() * thinkMs); // not all at once
    while (this.#running) {
      const page = pickPage(this.#shares, random());
      const startedAt = performance.now();
      try {
        await this.#interact(front, pathOf(page, random, books), agent, firstSession + index);
        for (const tally of [this.#whole, this.#interval]) tally.add(page, performance.now() - startedAt);
      } catch (error) {
        for (const tally of [this.#whole, this.#interval]) {
          tally.errors++;
          tally.lastError = (error as Error).message;
        }
        await this.#think(AFTER_ERROR_MS);
      }
      if (!this.#running) break;
      if (thinkMs > 0) await this.#think(Math.min(THINK_CUT, -Math.log(1 - random())) * thinkMs);
    }
    agent.destroy();
  }

  async #interact(
    front: { address: string; port: number },
    path: string,
    agent: Agent,
    session: number,
  ): Promise<void> {
    const fetch = async (what: string) => {
      const body = await get(front, what, agent, session);
      for (const tally of [this.#whole, this.#interval]) {
        tally.requests++;
        tally.receivedBytes += body.length;
      }
      return body;
    };
    const html = (await fetch(path)).toString();
    const images = new Set([...html.matchAll(/<img src="([^"]+)"/g)].map(([, source = '']) => source));
    await Promise.all([...images].map(fetch));
  }
}

/** The command's words behind the program's name. */
export function browserArguments(settings: BrowserSettings): string[] {
  return [JSON.stringify(settings)];
}

async function main(): Promise<void> {
  // Whoever read us is gone: nobody asks for this load any more.
  process.stdout.on('error', () => process.exit(1));
  const print = (line: WebLine) => void process.stdout.write(`${JSON.stringify(line)}\n`);
  const browsers = new Browsers(JSON.parse(process.argv[2] ?? '') as BrowserSettings);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => browsers.stop());
  await browsers.ready();
  print({ kind: 'ready' });
  await browsers.run(print);
}

if (process.argv[1] === BROWSERS_PROGRAM) {
  main().catch((error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
}
