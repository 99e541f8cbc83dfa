/** Which links are up, as their ends say. */
import type { Clock, LinkType } from '../core/index.js';
import type { LinkEnd } from './executor/index.js';

export class Liveness {
  /** By `host peer`: the types of the links that are up there. */
  readonly #up = new Map<string, Set<LinkType>>();
  readonly #onChange: (end: LinkEnd) => void;
  readonly #waiting = new Set<{ missing: Set<string>; done(): void }>();

  constructor(onChange: (end: LinkEnd) => void) {
    this.#onChange = onChange;
  }

  report({ host, peer, type }: LinkEnd, up: boolean): void {
    const key = `${host} ${peer}`;
    const types = this.#up.get(key) ?? new Set();
    if (up) this.#up.set(key, types.add(type));
    else types.delete(type);
    if (types.size === 0) this.#up.delete(key);
    this.#onChange({ host, peer, type });
    if (!up) return;
    for (const wait of this.#waiting) {
      wait.missing.delete(`${key} ${type}`);
      if (wait.missing.size === 0) wait.done();
    }
  }

  /** Links that are made anew: what was said of their predecessors holds no more. */
  forget(ends: Iterable<LinkEnd>): void {
    for (const { host, peer, type } of ends) {
      const types = this.#up.get(`${host} ${peer}`);
      if (types?.delete(type) && types.size === 0) this.#up.delete(`${host} ${peer}`);
    }
  }

  isUp({ host, peer, type }: LinkEnd): boolean {
    return this.#up.get(`${host} ${peer}`)?.has(type) ?? false;
  }

  /** One link of the edge at least, as `host` sees it. */
  isLive(host: string, peer: string): boolean {
    return this.#up.has(`${host} ${peer}`);
  }

  /** Resolves when all are up, or after `limitMs`. */
  whenUp(ends: Iterable<LinkEnd>, clock: Clock, limitMs: number): Promise<void> {
    const down = [...ends].filter((end) => !this.isUp(end));
    if (down.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const missing = new Set(down.map(({ host, peer, type }) => `${host} ${peer} ${type}`));
      const wait = {
        missing,
        done: () => {
          this.#waiting.delete(wait);
          cancel();
          resolve();
        },
      };
      const cancel = clock.after(limitMs, wait.done);
      this.#waiting.add(wait);
    });
  }
}
