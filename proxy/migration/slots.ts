/** As many moves at a time as a host's links should bear; whoever waits longest goes first, if it can. */

/** Moves into or out of one host at a time: more only share its link, and each takes longer. */
export const MOVES_A_HOST = 2;

export class Slots {
  readonly #total: number;
  readonly #aHost: number;
  readonly #taken = new Map<string, number>();
  #all = 0;
  #waiting: { hosts: readonly string[]; go(): void }[] = [];

  constructor(total: number, aHost = MOVES_A_HOST) {
    this.#total = total;
    this.#aHost = aHost;
  }

  /** Resolves when there is one at each of the hosts; call what it gives when done. */
  take(hosts: readonly string[]): Promise<() => void> {
    return new Promise((resolve) => {
      const go = () => {
        this.#count(hosts, 1);
        resolve(() => this.#release(hosts));
      };
      if (this.#isFree(hosts)) go();
      else this.#waiting.push({ hosts, go });
    });
  }

  #isFree(hosts: readonly string[]): boolean {
    return this.#all < this.#total && hosts.every((host) => (this.#taken.get(host) ?? 0) < this.#aHost);
  }

  #count(hosts: readonly string[], by: number): void {
    this.#all += by;
    for (const host of hosts) this.#taken.set(host, (this.#taken.get(host) ?? 0) + by);
  }

  #release(hosts: readonly string[]): void {
    this.#count(hosts, -1);
    for (const wait of [...this.#waiting]) {
      if (!this.#isFree(wait.hosts)) continue;
      this.#waiting = this.#waiting.filter((other) => other !== wait);
      wait.go();
    }
  }
}
