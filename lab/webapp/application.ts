/** The web application in machines of a lab: browsers, fronts, application servers, stores. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { VnetError } from '../../core/index.js';
import type { PatternsPlace } from '../patterns/index.js';
import { APP_SERVER_PROGRAM } from './app-server.js';
import { BROWSERS_PROGRAM, browserArguments } from './browsers.js';
import { pageShares, type WebMix } from './pages.js';
import { howItEnded, type Part, startPart } from './part.js';
import { needParts, prepareNginx, prepareRedis } from './parts.js';
import type { WebLine, WebReport } from './report.js';
import { SEED_PROGRAM } from './seed.js';

/** Where a part runs. A `LabNode` is one. */
export type WebPlace = PatternsPlace;

/** The tiers; each place once, at least one in each tier but `images`. */
export interface WebPlaces {
  clients: readonly WebPlace[];
  /** nginx, which divides what is asked for among the application servers. */
  fronts: readonly WebPlace[];
  apps: readonly WebPlace[];
  /** Redis; the data is divided among them. */
  stores: readonly WebPlace[];
  /** An nginx for images alone, as in the paper's Figure 15. Default: the fronts have them. */
  images?: WebPlace;
}

export interface WebOptions {
  /** Default `shopping`. */
  mix?: WebMix;
  /** Of each client. Default 10. */
  browsers?: number;
  /** Mean; exponential. Default 7000, as TPC-W. */
  thinkMs?: number;
  /** Default 1000. */
  books?: number;
  /** Default: until `stop`. */
  durationMs?: number;
  /** Default 1000. */
  reportMs?: number;
  /** Default 1. */
  seed?: number;
  /** Called with each client's reports as they come. */
  onReport?: (report: WebReport) => void;
}

const FRONT_PORT = 8080;
const APP_PORT = 8081;
const IMAGE_PORT = 8082;
const STORE_PORT = 6379;
const SESSIONS_PER_CLIENT = 10_000;
const STOP_TIMEOUT_MS = 5_000;
/** A small young generation: dozens of these run on one machine. */
const NODE = [process.execPath, '--max-semi-space-size=1'];
const DEFAULTS = {
  mix: 'shopping',
  browsers: 10,
  thinkMs: 7000,
  books: 1000,
  reportMs: 1000,
  seed: 1,
} as const;

export class WebApplication {
  /** Of all clients so far, in order. */
  readonly reports: WebReport[] = [];
  /** The ends of all clients, in their order; rejects with VNET_ERR_UNREACHABLE naming the part that failed. */
  readonly end: Promise<WebReport[]>;
  readonly #directory = mkdtempSync(join(tmpdir(), 'vnet-webapp-'));
  readonly #servers: Part[] = [];
  readonly #clients: Part[] = [];
  readonly #ends = new Map<string, WebReport>();
  readonly #waiting = new Set<() => void>();
  #ready = 0;
  #ending = false;
  #failure: string | undefined;
  #conclude: () => void = () => {};

  private constructor(
    readonly places: WebPlaces,
    readonly options: WebOptions,
  ) {
    this.end = new Promise<void>((resolve) => (this.#conclude = resolve)).then(async () => {
      await this.#removeAll();
      this.#wake();
      if (this.#failure !== undefined) throw new VnetError('VNET_ERR_UNREACHABLE', this.#failure);
      const ends = this.places.clients.map(({ name }) => this.#ends.get(name));
      return ends.filter((report) => report !== undefined);
    });
    this.end.catch(() => {}); // whoever waits for it is told; nobody has to
  }

  /** @internal Use startWebApplication. */
  static async start(places: WebPlaces, options: WebOptions): Promise<WebApplication> {
    const application = new WebApplication(places, options);
    try {
      await application.#startServers();
      await application.#startClients();
      return application;
    } catch (error) {
      application.#fail(VnetError.from(error).message);
      await application.end.catch(() => {});
      throw error;
    }
  }

  /** Process ids by part, such as `front 0 on web`. */
  get pids(): Map<string, number> {
    return new Map([...this.#servers, ...this.#clients].map(({ what, child }) => [what, child.pid ?? 0]));
  }

  /** Web interactions a second over all clients, by their last reports. */
  get rate(): number {
    const last = new Map(this.reports.map((report) => [report.client, report.interactionsPerSecond]));
    return [...last.values()].reduce((sum, rate) => sum + rate, 0);
  }

  /** Mean interactions a second over all clients during the next intervals. VNET_ERR_CLOSED if it ends before. */
  async measure(intervals: number): Promise<number> {
    const clients = this.#clients.length;
    const from = this.reports.length + clients; // without those under way
    const until = from + intervals * clients;
    while (this.reports.length < until && !this.#ending) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
    const taken = this.reports.slice(from, until);
    if (taken.length < intervals * clients) {
      throw new VnetError('VNET_ERR_CLOSED', 'the web application has ended');
    }
    return taken.reduce((sum, report) => sum + report.interactionsPerSecond, 0) / intervals;
  }

  /** Ends the browsers after what they are waiting for, then all parts, and removes their files. */
  async stop(): Promise<WebReport[]> {
    for (const { child } of this.#clients) child.kill('SIGTERM');
    const timer = setTimeout(() => this.#conclude(), STOP_TIMEOUT_MS);
    try {
      return await this.end;
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#conclude();
    await this.end.catch(() => {});
  }

  async #startServers(): Promise<void> {
    const { stores, apps, fronts, images } = this.places;
    const books = String(this.options.books ?? DEFAULTS.books);
    const at = (place: WebPlace, port: number) => ({ address: place.address, port });
    const storeWords = stores.map((store) => `${store.address}:${STORE_PORT}`);
    for (const [index, store] of stores.entries()) {
      const command = prepareRedis(this.#folder('store', index), store.address, STORE_PORT);
      this.#serve(`store ${index}`, store, command);
    }
    const first = stores[0];
    if (first !== undefined) await this.#finish('seed', first, [...NODE, SEED_PROGRAM, books, ...storeWords]);
    for (const [index, app] of apps.entries()) {
      const command = [...NODE, APP_SERVER_PROGRAM, app.address, String(APP_PORT), ...storeWords];
      this.#serve(`app ${index}`, app, command);
    }
    if (images !== undefined) {
      const own = { directory: this.#folder('images', 0), apps: [], images: undefined };
      this.#serve('images', images, prepareNginx({ ...own, ...at(images, IMAGE_PORT) }));
    }
    for (const [index, front] of fronts.entries()) {
      const command = prepareNginx({
        directory: this.#folder('front', index),
        ...at(front, FRONT_PORT),
        apps: apps.map((app) => at(app, APP_PORT)),
        images: images && at(images, IMAGE_PORT),
      });
      this.#serve(`front ${index}`, front, command);
    }
  }

  async #startClients(): Promise<void> {
    const { onReport: _, durationMs, ...options } = this.options;
    for (const [index, client] of this.places.clients.entries()) {
      const words = browserArguments({
        ...{ ...DEFAULTS, ...options, durationMs },
        client: client.name,
        firstSession: index * SESSIONS_PER_CLIENT + 1,
        fronts: this.places.fronts.map(({ address }) => ({ address, port: FRONT_PORT })),
      });
      const part = startPart(`client ${index}`, client, [...NODE, BROWSERS_PROGRAM, ...words], 'pipe');
      this.#clients.push(part);
      if (part.child.stdout !== null) {
        createInterface({ input: part.child.stdout }).on('line', (line) => this.#take(line));
      }
      void part.closed.then(() => this.#clientEnded(part));
    }
    while (this.#ready < this.places.clients.length && !this.#ending) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
    if (this.#failure !== undefined) throw new VnetError('VNET_ERR_UNREACHABLE', this.#failure);
  }

  #folder(tier: string, index: number): string {
    return join(this.#directory, `${tier}-${index}`);
  }

  #serve(what: string, place: WebPlace, command: string[]): void {
    const part = startPart(what, place, command, 'ignore');
    this.#servers.push(part);
    void part.closed.then(() => this.#fail(howItEnded(part)));
  }

  /** Runs a command of ours to its end. */
  async #finish(what: string, place: WebPlace, command: string[]): Promise<void> {
    const part = startPart(what, place, command, 'ignore');
    this.#servers.push(part);
    await part.closed;
    this.#servers.splice(this.#servers.indexOf(part), 1);
    if (part.child.exitCode !== 0) {
      throw new VnetError('VNET_ERR_UNREACHABLE', this.#failure ?? howItEnded(part));
    }
  }

  #take(text: string): void {
    const line = JSON.parse(text) as WebLine;
    if (line.kind === 'ready') this.#ready++;
    else if (line.kind === 'end') this.#ends.set(line.client, line);
    else {
      this.reports.push(line);
      this.options.onReport?.(line);
    }
    this.#wake();
  }

  #clientEnded(part: Part): void {
    if (part.child.exitCode !== 0) return this.#fail(howItEnded(part));
    if (this.#clients.every(({ child }) => child.exitCode === 0)) {
      this.#ending = true;
      this.#conclude();
    }
  }

  /** Any part's end ends all, unless they are ending anyway; the first is the cause. */
  #fail(how: string): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#failure = how;
    this.#wake();
    this.#conclude();
  }

  async #removeAll(): Promise<void> {
    this.#ending = true;
    const parts = [...this.#clients, ...this.#servers];
    for (const { child } of parts) child.kill('SIGTERM');
    const timer = setTimeout(() => {
      for (const { child } of parts) child.kill('SIGKILL');
    }, STOP_TIMEOUT_MS);
    await Promise.all(parts.map(({ closed }) => closed));
    clearTimeout(timer);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}

/**
 * Starts all parts and waits until a request goes through every front to the store; then browsers browse.
 * @throws VNET_ERR_UNSUPPORTED where nginx or Redis is missing, with the command that installs it; VNET_ERR_INVALID
 * for an empty tier or a place without an address; VNET_ERR_UNREACHABLE naming the part that failed
 */
export async function startWebApplication(
  places: WebPlaces,
  options: WebOptions = {},
): Promise<WebApplication> {
  needParts();
  pageShares(options.mix ?? DEFAULTS.mix);
  const { images, ...tiers } = places;
  for (const [tier, list] of Object.entries(tiers)) {
    if (list.length === 0) throw new VnetError('VNET_ERR_INVALID', `the web application has no ${tier}`);
  }
  const all = [...Object.values(tiers).flat(), ...(images === undefined ? [] : [images])];
  const nameless = all.find((place) => place.address === '');
  if (nameless !== undefined) {
    throw new VnetError('VNET_ERR_INVALID', `${nameless.name} has no address for the web application`);
  }
  return WebApplication.start(places, options);
}
