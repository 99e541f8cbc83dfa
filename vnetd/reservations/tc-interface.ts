/** The reservations on one interface. */
import { VnetError } from '../../core/index.js';
import { type LinkWish, type Outcome, sameWish } from './driver.js';
import { isThere, listQdiscs, speedOf, tcBatch } from './tc.js';
import { LINKS_MAX, planClasses, reservableBps, tcLines, type TcPlan, UNKNOWN_LINE_BPS } from './tc-plan.js';

export class TcInterface {
  readonly #device: string;
  readonly #handle: string;
  readonly #givenBps: number | undefined;
  #plan: TcPlan | undefined;

  /** `lineBps`: what the line carries; absent: what the interface says. */
  constructor(device: string, handle: string, lineBps: number | undefined) {
    this.#device = device;
    this.#handle = handle;
    this.#givenBps = lineBps;
  }

  async set(wishes: readonly LinkWish[]): Promise<Map<string, Outcome>> {
    if (wishes.length === 0) {
      await this.#remove();
      return new Map();
    }
    const known = this.#givenBps ?? speedOf(this.#device);
    const lineBps = known ?? UNKNOWN_LINE_BPS;
    const { fitting, outcomes } = this.#fit(wishes, lineBps, known !== undefined);
    const before = this.#plan;
    const after = planClasses(before, fitting, lineBps);
    try {
      await this.#carryOut(after);
      for (const { id } of fitting) outcomes.set(id, { text: this.#text(known) });
    } catch (thrown) {
      const error = VnetError.from(thrown);
      const isBack = await this.#return(before);
      for (const wish of fitting) {
        const old = before?.classes.get(wish.id);
        const isHeld = isBack && old !== undefined && sameWish(old.wish, wish);
        outcomes.set(wish.id, isHeld ? { text: this.#text(known) } : { error });
      }
    }
    return outcomes;
  }

  /** Those that are held come first; one that would not fit is refused. */
  #fit(
    wishes: readonly LinkWish[],
    lineBps: number,
    isKnown: boolean,
  ): { fitting: LinkWish[]; outcomes: Map<string, Outcome> } {
    const isHeld = (wish: LinkWish): boolean => {
      const old = this.#plan?.classes.get(wish.id);
      return old !== undefined && sameWish(old.wish, wish);
    };
    const outcomes = new Map<string, Outcome>();
    let sumBps = 0;
    const inOrder = [...wishes].sort((a, b) => Number(isHeld(b)) - Number(isHeld(a)));
    const fitting = inOrder.filter((wish, index) => {
      const fits = index < LINKS_MAX && (!isKnown || sumBps + wish.bitsPerSecond <= reservableBps(lineBps));
      if (fits) sumBps += wish.bitsPerSecond;
      else outcomes.set(wish.id, { error: this.#tooMuch(wish, lineBps, sumBps) });
      return fits;
    });
    return { fitting, outcomes };
  }

  async #carryOut(after: TcPlan): Promise<void> {
    const [root] = (await listQdiscs(this.#device)).filter((qdisc) => qdisc.root);
    const isOurs = root?.kind === 'htb' && root.handle === `${this.#handle}:`;
    if (!isOurs && root !== undefined && root.handle !== '0:') throw this.#foreign(root.kind, root.handle);
    // Somebody may have taken ours away meanwhile; or it is of an earlier process and says nothing to us.
    const before = isOurs ? this.#plan : undefined;
    if (isOurs && before === undefined) await tcBatch([this.#removal()]);
    await tcBatch(tcLines(this.#device, this.#handle, before, after));
    this.#plan = after;
  }

  /** After a failure half-way nobody knows what stands: it is made anew. True: all is as before. */
  async #return(before: TcPlan | undefined): Promise<boolean> {
    try {
      await this.#remove();
      if (before !== undefined) await this.#carryOut(before);
      return true;
    } catch {
      return false; // why it failed in the first place is what to tell
    }
  }

  /** Never another's. */
  async #remove(): Promise<void> {
    this.#plan = undefined;
    if (!isThere(this.#device)) return;
    const roots = (await listQdiscs(this.#device)).filter(({ root }) => root);
    if (roots.some(({ kind, handle }) => kind === 'htb' && handle === `${this.#handle}:`))
      await tcBatch([this.#removal()]);
  }

  #removal(): string {
    return `qdisc del dev ${this.#device} root handle ${this.#handle}:`;
  }

  #text(knownBps: number | undefined): string {
    if (knownBps !== undefined) return `HTB on ${this.#device}, a line of ${megabits(knownBps)}`;
    return `HTB on ${this.#device}, whose speed is not known: it is first in turn there; where the line is slower elsewhere, say so with --line-rate`;
  }

  #foreign(kind: string, handle: string): VnetError {
    const message = `the interface ${this.#device} has a queueing discipline that is not ours (${kind} ${handle})`;
    return new VnetError('VNET_ERR_CONFLICT', message, {
      hint: `take it off (tc qdisc del dev ${this.#device} root), or reserve in your own way: vnetd --reserve exec:COMMAND`,
    });
  }

  #tooMuch(wish: LinkWish, lineBps: number, sumBps: number): VnetError {
    const message = `${megabits(wish.bitsPerSecond)} for the link to ${wish.peer} is more than ${this.#device} has left: ${megabits(reservableBps(lineBps) - sumBps)} of ${megabits(lineBps)}`;
    return new VnetError('VNET_ERR_LIMIT', message, {
      hint: 'reserve less, or tell the daemon what the line carries: vnetd --line-rate',
    });
  }
}

const megabits = (bitsPerSecond: number): string =>
  `${Number((Math.max(0, bitsPerSecond) / 1e6).toPrecision(4))} Mbit/s`;
