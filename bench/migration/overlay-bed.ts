/** The VM on the overlay: real daemons, moved by `vnet vm migrate`'s own call. */
import type { MoveResult, QemuMachine } from '../../core/index.js';
import { OverlayLab } from '../../lab/index.js';
import { type Bed, bedSpec, MEMORY_BYTES, type Move, VM, VM_MAC } from './bed.js';

export class OverlayBed implements Bed {
  private constructor(readonly overlay: OverlayLab) {}

  static async make(light: readonly string[]): Promise<OverlayBed> {
    return new OverlayBed(await OverlayLab.make(bedSpec(light), { name: `mo${process.pid}` }));
  }

  get lab() {
    return this.overlay.lab;
  }

  async start(machine: QemuMachine | undefined): Promise<{ console?: string }> {
    const { overlay } = this;
    const guest =
      machine === undefined
        ? []
        : [{ name: VM, network: 'lab', host: 'a', macs: [VM_MAC], memoryBytes: MEMORY_BYTES, machine }];
    const topology = overlay.topology();
    const links = [{ type: 'udp' as const, a: 'a', b: 'b' }];
    await overlay.client().apply({
      kind: 'target',
      topology: { ...topology, links, vms: [...topology.vms, ...guest] },
    });
    await overlay.whole();
    for (const { name, machine: runs } of (await overlay.client().overview()).topology.vms)
      if (runs) await overlay.client().startVm(name);
    return this.#console();
  }

  async move(host: string): Promise<Move> {
    const [result] = await this.moveAll([VM], host);
    if (result?.outcome !== 'moved') throw new Error(`${VM} ${result?.outcome}: ${result?.reason}`);
    const { totalMs, downtimeMs = Number.NaN, heldFrames, lostFrames } = result;
    return {
      totalMs,
      stoppedMs: downtimeMs,
      ...(heldFrames === undefined ? {} : { heldFrames }),
      ...(lostFrames === undefined ? {} : { lostFrames }),
      ...(await this.#console()),
    };
  }

  async #console(): Promise<{ console?: string }> {
    const status = (await this.overlay.client().vms()).find(({ vm }) => vm === VM);
    return status?.console === undefined ? {} : { console: status.console };
  }

  moveAll(vms: readonly string[], host: string): Promise<MoveResult[]> {
    return this.overlay.client().moveVms({ moves: vms.map((vm) => ({ vm, host })) });
  }

  async close(): Promise<void> {
    const { overlay } = this;
    // A guest outlives its daemon; the lab ends what is left.
    await overlay
      .client()
      .stopVm(VM, { graceMs: 0 })
      .catch(() => {});
    await overlay.close();
  }
}
