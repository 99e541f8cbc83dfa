/** A lab in which adaptation has something to do: two VMs that talk by a narrow way, and a wide one that nobody uses. */
import type { Test } from 'tap';
import type { AdaptPlan, AdaptSettings, AdaptView, Topology } from '../../core/index.js';
import { OverlayLab, parseLab, type PatternsRun, startPatterns } from '../../lab/index.js';
import { labName, reaches } from './traffic.js';

const MIB = 2 ** 20;
const LAB = `
underlay 10.77.0.0/24
host home
host a
host b
host c
pair home * rate 6M delay 3ms
pair c * rate 2M delay 20ms
pair a b rate 100M delay 1ms
vm p0 on a mac 02:00:00:00:70:00 ip 10.9.0.10/24
vm p1 on b mac 02:00:00:00:70:01 ip 10.9.0.11/24
`;
const OTHER = '10.9.0.11';
const VMS = [
  { vm: 'p0', host: 'a' },
  { vm: 'p1', host: 'b' },
];
/** Quick, and content with little: what is tested is what is done, not what is worth it. */
export const QUICK: Partial<AdaptSettings> = {
  settleMs: 1000,
  confirmMs: 200,
  gainThreshold: 0.02,
  budgetMs: 50,
};
/** Until traffic is seen, has settled, and what could be better is known. */
const DECIDED_MS = 40_000;
/** Looking costs a search, here and there. */
const POLL_MS = 150;

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class AdaptBed {
  readonly base: Topology;
  #talking: PatternsRun | undefined;

  private constructor(readonly overlay: OverlayLab) {
    const base = overlay.topology();
    this.base = { ...base, vms: base.vms.map((vm) => ({ ...vm, memoryBytes: 16 * MIB })) };
  }

  /** Both VMs run, and talk. Ends with the test. */
  static async make(t: Test, prefix: string): Promise<AdaptBed> {
    const overlay = await OverlayLab.make(parseLab(LAB), { name: labName(prefix) });
    t.teardown(() => overlay.close());
    const bed = new AdaptBed(overlay);
    await bed.client.apply({ kind: 'target', topology: bed.base });
    await overlay.whole();
    for (const { vm } of VMS) await bed.client.startVm(vm);
    await bed.client.setSight({ updateMs: 100, smoothingMs: 500 });
    await bed.reaches();
    await bed.talk();
    t.teardown(() => bed.hush().catch(() => {}));
    return bed;
  }

  get client() {
    return this.overlay.client();
  }

  async talk(): Promise<void> {
    const ends = VMS.map(({ vm }) => this.overlay.lab.vm(vm));
    const options = { messageBytes: 40_000, pauseUs: 2000, stallTimeoutMs: 120_000 };
    this.#talking = await startPatterns(ends, { shape: 'ring', ...options });
  }

  async hush(): Promise<void> {
    await this.#talking?.stop();
    this.#talking = undefined;
  }

  reaches(): Promise<void> {
    return reaches(this.overlay, 'p0', OTHER);
  }

  view(): Promise<AdaptView> {
    return this.client.adaptation(100);
  }

  set(settings: Partial<AdaptSettings>): Promise<AdaptSettings> {
    return this.client.setAdaptation(settings);
  }

  async hostOf(vm: string): Promise<string | undefined> {
    return (await this.client.vms()).find((one) => one.vm === vm)?.host;
  }

  async wireOf(vm: string): Promise<string | undefined> {
    await this.overlay.lab.refresh();
    return this.overlay.lab.spec.vms.find(({ name }) => name === vm)?.host;
  }

  /** Hosts that frames from the one to the other pass. */
  async hops(): Promise<string> {
    const found = await this.client.route('p0', 'p1');
    return found.hops.map(({ host }) => host).join();
  }

  /** Peers of adaptation's links, as the host itself has them. */
  async made(host: string): Promise<string[]> {
    const { links } = await this.overlay.client(host).local();
    return links.filter(({ owner }) => owner === 'adapt').map(({ peer }) => peer);
  }

  /** Waits; where that is in vain, says what adaptation says. */
  async decided<T>(what: string, check: () => Promise<T>): Promise<NonNullable<T>> {
    const look = async () => (await check()) || pause(POLL_MS).then(() => undefined);
    try {
      return (await this.overlay.until(what, look, DECIDED_MS)) as NonNullable<T>;
    } catch (thrown) {
      const { state, plans } = await this.view();
      const { message } = thrown as Error;
      throw new Error(`${message}; ${state}; ${JSON.stringify(plans.at(-1))}`, { cause: thrown });
    }
  }

  /** A plan that does something, by these mechanisms. */
  planned(...mechanisms: AdaptSettings['mechanisms']): Promise<AdaptPlan> {
    return this.decided('a plan that is worth it', async () => {
      const plan = await this.client.planAdaptation({ settings: { mechanisms } });
      return plan.worthIt && plan.actions.length > 0 ? plan : undefined;
    });
  }

  /** Everything as at first: nothing adapted, each VM where it starts. */
  async afresh(t: Test): Promise<void> {
    await this.set({ mode: 'off', solver: 'auto' });
    await this.client.clearAdaptation();
    await this.client.apply({ kind: 'target', topology: this.base });
    const home = VMS.map(({ host }) => host);
    let wires: unknown[] = [];
    // A move that had begun when adaptation was switched off is waited for.
    await this.overlay.until('the VMs are at home', async () => {
      await this.client.moveVms({ moves: VMS });
      wires = [await this.wireOf('p0'), await this.wireOf('p1')];
      return JSON.stringify(wires) === JSON.stringify(home);
    });
    t.strictSame(wires, home);
  }
}
