/** As many moves at a time as a host's links should bear; whoever waits longest goes first, if it can. */

export class Slots {
  readonly #total: number;
  readonly #aHost: (host: string) => number;
  readonly #taken = new Map<string, number>();
  #all = 0;
  #waiting: { hosts: readonly string[]; go(): void }[] = [];

  /** `aHost`: moves into or out of it at a time, asked whenever one could begin. */
  constructor(total: number, aHost: (host: string) => number) {
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
    return this.#all < this.#total && hosts.every((host) => (this.#taken.get(host) ?? 0) < this.#aHost(host));
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
