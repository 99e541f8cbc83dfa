/** Waits for ports that the Proxy is about to configure. */
import { type Clock, VnetError } from '../../core/index.js';
import type { PortHolder } from './port-holder.js';
import { within } from './within.js';

export class PortGate {
  readonly #clock: Clock;
  readonly #ports: PortHolder;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(clock: Clock, ports: PortHolder) {
    this.#clock = clock;
    this.#ports = ports;
  }

  /** Resolves when the configuration has the port. */
  async opened(port: string, timeoutMs: number, vm: string): Promise<void> {
    if (this.#ports.hasPort(port)) return;
    const waiting = this.#waiting.get(port) ?? new Set();
    this.#waiting.set(port, waiting);
    let go = () => {};
    const opened = new Promise<void>((resolve) => (go = resolve));
    waiting.add(go);
    try {
      await within(this.#clock, opened, timeoutMs, () => {
        const message = `the port ${port} of VM ${vm} was not configured in ${timeoutMs / 1000} s`;
        return new VnetError('VNET_ERR_TIMEOUT', message, {
          hint: `see \`vnet ports\`; the VM is placed on this host first, then started`,
        });
      });
    } finally {
      waiting.delete(go);
      if (waiting.size === 0) this.#waiting.delete(port);
    }
  }

  portsChanged(): void {
    for (const [port, waiting] of this.#waiting) {
      if (this.#ports.hasPort(port)) for (const go of [...waiting]) go();
    }
  }
}
