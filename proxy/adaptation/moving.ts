/** The moves of a change of adaptation: through the same mover as a person's, in an order that keeps hosts within memory. */
import type { AdaptAction, MoveResult, MoveView } from '../../core/index.js';
import type { Vms } from '../migration/index.js';
import type { Overlay } from '../overlay.js';

/** How often it is looked whether a move that began before is over. */
const MOVE_POLL_MS = 200;
/** So long a move that began before is waited for; a VM still on its way then stays as it is. */
const MOVE_PATIENCE_MS = 60_000;

export type Move = Extract<AdaptAction, { kind: 'move' }>;

export interface Stayed {
  vm: string;
  /** Where it is. */
  host: string;
  reason: string;
}

export interface MovingOptions {
  overlay: Overlay;
  vms: Pick<Vms, 'statuses' | 'moveVms'>;
  /** The Proxy stops. */
  closing: AbortSignal;
  /** A VM did not get to a host. */
  onRefusal(vm: string, host: string, reason: string): void;
  /** `over`: of those under way. */
  progress(over: number, text: string): void;
}

export class Moving {
  readonly #options: MovingOptions;
  #moved: Move[] = [];

  constructor(options: MovingOptions) {
    this.#options = options;
  }

  /** What did not get where it should. Rejects when the Proxy stops; the moves go on. */
  async go(moves: readonly Move[]): Promise<Stayed[]> {
    if (moves.length === 0) return [];
    await this.#settled(moves);
    const { vms, closing, progress } = this.#options;
    const stayed: Stayed[] = [];
    const before = this.#places();
    const wanted = moves.filter((move) => this.#isToGo(move, before.get(move.vm), stayed));
    if (wanted.length === 0) return stayed;
    const over = new Set<string>();
    const request = { moves: wanted.map(({ vm, to }) => ({ vm, host: to })) };
    const results = await whileOpen(
      closing,
      vms.moveVms(request, (move) => {
        if (move.phase === 'cleaning') over.add(move.vm);
        progress(over.size, textOf(move));
      }),
    );
    const ended = new Map(results.map((result) => [result.vm, result]));
    this.#moved = wanted.filter(({ vm }) => ended.get(vm)?.outcome === 'moved');
    const refused = results.filter(({ outcome }) => outcome !== 'moved');
    const places = this.#places();
    return [...stayed, ...refused.map((result) => this.#refused(result, places.get(result.vm)))];
  }

  /** All that moved, as far as it is where this put it. What did not go back is told. */
  goBack(): Promise<Stayed[]> {
    return this.go(this.#moved.map(({ kind, vm, from, to }) => ({ kind, vm, from: to, to: from })));
  }

  /**
   * VMs that somebody set going before, this change over a restart perhaps, come to rest first, as far as they do in
   * time: the mover refuses those that do not.
   */
  async #settled(moves: readonly Move[]): Promise<void> {
    const { overlay, closing, vms } = this.#options;
    const ours = new Set(moves.map(({ vm }) => vm));
    const isMoving = () => vms.statuses().some(({ vm, move }) => move !== undefined && ours.has(vm));
    for (let waited = 0; isMoving() && waited < MOVE_PATIENCE_MS; waited += MOVE_POLL_MS) {
      closing.throwIfAborted();
      await new Promise<void>((resolve) => overlay.options.clock.after(MOVE_POLL_MS, resolve));
    }
  }

  /** Neither there already, nor somewhere that a person has put it meanwhile. */
  #isToGo({ vm, from, to }: Move, host: string | undefined, stayed: Stayed[]): boolean {
    if (host === to) return false;
    if (host === from && this.#options.overlay.topology.hosts.some(({ name }) => name === to)) return true;
    const reason =
      host === from ? `there is no ${to} any more` : 'somebody else moved or removed it meanwhile';
    stayed.push({ vm, host: host ?? from, reason });
    return false;
  }

  #refused({ vm, from, to, outcome, ...result }: MoveResult, host: string | undefined): Stayed {
    const reason = result.reason ?? (outcome === 'unknown' ? 'nobody knows where it is' : 'it stayed');
    this.#options.onRefusal(vm, to, reason);
    return { vm, host: host ?? from, reason };
  }

  /** Host by VM. */
  #places(): Map<string, string> {
    return new Map(this.#options.vms.statuses().map(({ vm, host }) => [vm, host]));
  }
}

function textOf({ vm, from, to, phase, transfer }: MoveView): string {
  const total = transfer?.totalBytes ?? 0;
  const share = total > 0 ? Math.round((100 * (total - (transfer?.remainingBytes ?? 0))) / total) : undefined;
  return `${vm} from ${from} to ${to}: ${phase}${share === undefined ? '' : ` ${share}%`}`;
}

/** Rejects as soon as the Proxy stops, whatever becomes of the work. */
export function whileOpen<T>(closing: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(closing.reason as Error);
    if (closing.aborted) stop();
    closing.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => closing.removeEventListener('abort', stop));
  });
}
