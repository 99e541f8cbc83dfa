/**
 * Where VMs are, changed: paths follow as one change, before others that wait. Places that change at the same time
 * share it.
 */
import { type Vm, VnetError } from '../core/index.js';
import type { Overlay } from './overlay.js';

export interface HostPort {
  host: string;
  port: string;
}

export interface PlaceOptions {
  /** Default: the port of its statement. */
  port?: string;
  /** Known to run there: from now on its statement alone does not move it. */
  runs?: boolean;
  /** A second port that admits it while it moves; null: none any more. Default: as it is. */
  alsoAt?: HostPort | null;
}

interface Waiting {
  act(): void;
  resolve(): void;
  reject(thrown: unknown): void;
}

export class Placing {
  readonly #overlay: Overlay;
  #waiting: Waiting[] = [];

  constructor(overlay: Overlay) {
    this.#overlay = overlay;
  }

  /** Rejects for a pinned VM (unless it runs there) and for unknown names. */
  place(name: string, host: string, { alsoAt, ...options }: PlaceOptions = {}): Promise<void> {
    return this.#change(() => {
      const { registry, topology } = this.#overlay;
      const vm = this.#vm(name);
      if (!topology.hosts.some((other) => other.name === host)) {
        throw new VnetError('VNET_ERR_NOT_FOUND', `no host is called ${host}`, {
          hint: 'see the hosts with "vnet status"',
        });
      }
      registry.place(vm, host, options);
      if (alsoAt !== undefined) registry.setAlsoAt(name, alsoAt ?? undefined);
    });
  }

  /** Opens a second port for the VM. Rejects, and changes nothing, where the host refuses it. */
  admit(name: string, at: HostPort): Promise<void> {
    const { registry } = this.#overlay;
    const open = async () => {
      if (!registry.setAlsoAt(name, at)) return;
      try {
        await this.#overlay.transition(undefined, undefined, true);
      } catch (thrown) {
        registry.setAlsoAt(name, undefined);
        throw thrown;
      }
    };
    return this.#overlay.enqueue(open, { urgent: true });
  }

  /** Closes the second port. */
  close(name: string): Promise<void> {
    if (!this.#overlay.registry.hasAlsoAt(name)) return Promise.resolve();
    return this.#change(() => void this.#overlay.registry.setAlsoAt(name, undefined));
  }

  /** It does not run any more: its place is what its statement says. */
  rest(name: string): Promise<void> {
    return this.#change(() => this.#overlay.registry.rest(name));
  }

  #vm(name: string): Vm {
    const vm = this.#overlay.topology.vms.find((other) => other.name === name);
    if (!vm) throw new VnetError('VNET_ERR_NOT_FOUND', `no VM is called ${name}`);
    return vm;
  }

  #change(act: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ act, resolve, reject });
      if (this.#waiting.length > 1) return;
      this.#overlay.enqueue(() => this.#carryOut(), { urgent: true }).catch((thrown) => this.#fail(thrown));
    });
  }

  async #carryOut(): Promise<void> {
    const all = this.#waiting;
    this.#waiting = [];
    const done = all.filter(({ act, reject }) => {
      try {
        act();
        return true;
      } catch (thrown) {
        reject(thrown);
        return false;
      }
    });
    if (done.length === 0) return;
    try {
      await this.#overlay.transition();
      for (const { resolve } of done) resolve();
    } catch (thrown) {
      for (const { reject } of done) reject(thrown);
    }
    this.#overlay.saveRegistrySoon();
  }

  /** The queue takes no more. */
  #fail(thrown: unknown): void {
    const all = this.#waiting;
    this.#waiting = [];
    for (const { reject } of all) reject(thrown);
  }
}
