/** Decisions by key and epochs, and the frames that wait for one. */
import type { Clock, FlowEntry, FlowKey, FlowMiss, FlowScope } from '../../core/index.js';
import { flowKey, isGroupNumber, missOf, type Passing } from './frame.js';
import {
  FLOW_ENTRIES,
  HOLD_FRAMES,
  MISS_TIMEOUT_MS,
  PENDING_FRAMES_PER_KEY,
  PENDING_KEYS_PER_INGRESS,
} from './limits.js';

/** Entries of one key hold for epochs that do not meet. */
export class FlowCache {
  readonly #entries = new Map<string, FlowEntry[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  find(frame: Passing): FlowEntry | undefined {
    return this.#entries.get(flowKey(frame))?.find((entry) => covers(entry, frame.epoch));
  }

  /** Returns the entries that had to go. */
  install(entry: FlowEntry): FlowEntry[] {
    const key = flowKey(entry);
    const old = this.#entries.get(key) ?? [];
    const gone = old.filter((other) => other.fromEpoch < entry.toEpoch && entry.fromEpoch < other.toEpoch);
    this.#entries.set(key, [...old.filter((other) => !gone.includes(other)), entry]);
    this.#size += 1 - gone.length;
    return [...gone, ...this.#evict(key)];
  }

  invalidate(scopes: FlowScope[]): FlowEntry[] {
    return scopes.length === 0
      ? []
      : this.#removeWhere((entry) => scopes.some((scope) => touches(scope, entry)));
  }

  /** Entries that came in by a port or edge that is no more. */
  forget(ingress: number): FlowEntry[] {
    return this.#removeWhere((entry) => entry.ingress === ingress);
  }

  #removeWhere(goes: (entry: FlowEntry) => boolean): FlowEntry[] {
    const gone: FlowEntry[] = [];
    for (const [key, entries] of this.#entries) {
      const left = entries.filter((entry) => !goes(entry));
      if (left.length === entries.length) continue;
      gone.push(...entries.filter((entry) => !left.includes(entry)));
      if (left.length > 0) this.#entries.set(key, left);
      else this.#entries.delete(key);
    }
    this.#size -= gone.length;
    return gone;
  }

  #evict(newest: string): FlowEntry[] {
    if (this.#size <= FLOW_ENTRIES) return [];
    const [oldest] = this.#entries.keys();
    if (oldest === undefined || oldest === newest) return [];
    const gone = this.#entries.get(oldest) ?? [];
    this.#entries.delete(oldest);
    this.#size -= gone.length;
    return gone;
  }
}

interface Waiting {
  key: FlowKey;
  frames: Passing[];
  /** Epochs whose miss went up and has no answer yet. */
  asked: Set<number>;
  cancel: () => void;
}

/** Frames whose key was missed: one queue a key, whatever the epochs, so that nothing overtakes. */
export class PendingFlows {
  readonly #clock: Clock;
  readonly #expired: (frames: Passing[]) => void;
  readonly #waiting = new Map<string, Waiting>();
  readonly #perIngress = new Map<number, number>();

  constructor(clock: Clock, expired: (frames: Passing[]) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** True while older frames of this key wait: a newer one joins them. */
  has(frame: Passing): boolean {
    return this.#waiting.has(flowKey(frame));
  }

  /** False: there are too many keys, or frames of this one. */
  push(frame: Passing): boolean {
    const waiting = this.#waiting.get(flowKey(frame)) ?? this.#open(frame);
    const most = frame.held || waiting?.frames[0]?.held ? HOLD_FRAMES : PENDING_FRAMES_PER_KEY;
    if (!waiting || waiting.frames.length >= most) return false;
    waiting.frames.push(frame);
    return true;
  }

  /** True once for each key and epoch, until it is answered. */
  ask(frame: Passing): boolean {
    const waiting = this.#waiting.get(flowKey(frame));
    if (!waiting || waiting.asked.has(frame.epoch)) return false;
    waiting.asked.add(frame.epoch);
    return true;
  }

  /** What an answer that came too late was for: to be asked again. */
  answeredBy(entry: FlowEntry): FlowMiss[] {
    const waiting = this.#waiting.get(flowKey(entry));
    if (!waiting) return [];
    return [...waiting.asked]
      .filter((epoch) => covers(entry, epoch))
      .map((epoch) => ({ ...waiting.key, epoch }));
  }

  /** Takes the frames at the head of the queue that are decided now; `next` is the one that waits behind them. */
  release(
    entry: FlowEntry,
    decided: (frame: Passing) => boolean,
  ): { ready: Passing[]; next: Passing | undefined } {
    const waiting = this.#waiting.get(flowKey(entry));
    if (!waiting) return { ready: [], next: undefined };
    for (const epoch of waiting.asked) if (covers(entry, epoch)) waiting.asked.delete(epoch);
    const stop = waiting.frames.findIndex((frame) => !decided(frame));
    if (stop === -1) return { ready: this.#close(waiting), next: undefined };
    return { ready: waiting.frames.splice(0, stop), next: waiting.frames[0] };
  }

  clear(): void {
    for (const waiting of [...this.#waiting.values()]) this.#close(waiting);
  }

  #open(frame: Passing): Waiting | undefined {
    const count = this.#perIngress.get(frame.ingress) ?? 0;
    if (count >= PENDING_KEYS_PER_INGRESS) return undefined;
    this.#perIngress.set(frame.ingress, count + 1);
    const { epoch: _, ...key } = missOf(frame);
    const cancel = this.#clock.after(MISS_TIMEOUT_MS, () => this.#expired(this.#close(waiting)));
    const waiting: Waiting = { key, frames: [], asked: new Set(), cancel };
    this.#waiting.set(flowKey(frame), waiting);
    return waiting;
  }

  #close(waiting: Waiting): Passing[] {
    const { cancel, key, frames } = waiting;
    cancel();
    this.#waiting.delete(flowKey(key));
    const left = (this.#perIngress.get(key.ingress) ?? 1) - 1;
    if (left > 0) this.#perIngress.set(key.ingress, left);
    else this.#perIngress.delete(key.ingress);
    return frames;
  }
}

function covers({ fromEpoch, toEpoch }: FlowEntry, epoch: number): boolean {
  return fromEpoch <= epoch && epoch < toEpoch;
}

function touches({ network, source, destination, group, port }: FlowScope, entry: FlowEntry): boolean {
  const leadsThere = ({ kind, ...action }: FlowEntry['actions'][number]) =>
    (kind === 'port' || kind === 'hold') && 'port' in action && action.port === port;
  return (
    (port === undefined || entry.actions.some(leadsThere)) &&
    (network === undefined || network === entry.network) &&
    (source === undefined || source === entry.source) &&
    (destination === undefined || destination === entry.destination) &&
    (group === undefined || isGroupNumber(entry.destination))
  );
}
