/** Machines behind LAN ports: learnt from the sources that daemons report, forgotten with age. */
import type { MacAddress, OverlayEvent } from '../core/index.js';
import type { Overlay } from './overlay.js';

/** Sources reported within this time become one change: a flood of them costs a bounded number. */
const LEARN_BATCH_MS = 20;
/** Ages are looked at this often within one lifetime. */
const AGEING_STEPS = 10;

export class Learning {
  readonly #overlay: Overlay;
  readonly #cancelAgeing: () => void;
  #cancelBatch: (() => void) | undefined;

  constructor(overlay: Overlay, learntAgeMs: number) {
    this.#overlay = overlay;
    const everyMs = learntAgeMs / AGEING_STEPS;
    let cancel = () => {};
    const look = () => {
      if (overlay.registry.age()) this.#changeSoon();
      cancel = overlay.options.clock.after(everyMs, look);
    };
    cancel = overlay.options.clock.after(everyMs, look);
    this.#cancelAgeing = () => cancel();
  }

  source({ host, port, mac, admitted, at }: Extract<OverlayEvent, { kind: 'source' }>): void {
    const { registry, members } = this.#overlay;
    const config = members.get(host)?.installed;
    const known = config?.ports.find((other) => other.port === port);
    if (!known) return;
    if (known.role !== 'lan') {
      if (!admitted) registry.refuse({ host, port, mac, at });
      return;
    }
    const network = config?.networks.find(({ id }) => id === known.network)?.name;
    if (network === undefined || this.#isRegistered(network, mac)) return;
    if (registry.learn(network, host, port, mac)) this.#changeSoon();
  }

  close(): void {
    this.#cancelAgeing();
    this.#cancelBatch?.();
  }

  /** A VM's own frames, come back through a bridge, teach nothing. */
  #isRegistered(network: string, mac: MacAddress): boolean {
    return this.#overlay.intent.topology.vms.some((vm) => vm.network === network && vm.macs.includes(mac));
  }

  #changeSoon(): void {
    this.#overlay.saveRegistrySoon();
    this.#cancelBatch ??= this.#overlay.options.clock.after(LEARN_BATCH_MS, () => {
      this.#cancelBatch = undefined;
      this.#overlay.reconcile();
    });
  }
}
