/** What is not to be done again for a while: what was taken back, what hosts refused, what people placed. */
import type { AdaptAction } from '../../core/index.js';
import { actionKey, type Avoided, pairKey, signatureOf } from '../planner/index.js';
import type { ControllerMemory } from './world.js';

/** After it made things worse. */
export const TAKEN_BACK_MS = 600_000;
/** After a step failed, or a VM stayed. */
export const FAILED_MS = 300_000;
/** A VM that a person placed while adaptation was at work. */
export const HANDS_OFF_MS = 3_600_000;
/** Entries that are kept; the newest. */
export const AVOID_MAX = 1000;

type Entries = ControllerMemory['avoid'];

/** By calendar, so that it holds over a restart. */
export class Avoid {
  #until: Map<string, number>;

  constructor(entries: Entries = []) {
    this.#until = new Map(entries.map(({ key, untilMs }) => [key, untilMs]));
  }

  add(key: string, untilMs: number): void {
    this.#until.delete(key);
    this.#until.set(key, untilMs);
  }

  has(key: string, nowMs: number): boolean {
    return (this.#until.get(key) ?? -Infinity) > nowMs;
  }

  /** All of a change: its moves and links each, and the change as a whole. */
  addChange(actions: readonly AdaptAction[], untilMs: number): void {
    this.add(planKey(actions), untilMs);
    for (const action of actions) {
      if (action.kind === 'move') this.add(actionKey(action), untilMs);
      if (action.kind === 'link' && action.sign === '+') this.add(linkKey(action.link), untilMs);
    }
  }

  forget(): void {
    this.#until.clear();
  }

  entries(nowMs: number): Entries {
    const entries = [...this.#until].filter(([, untilMs]) => untilMs > nowMs).slice(-AVOID_MAX);
    this.#until = new Map(entries);
    return entries.map(([key, untilMs]) => ({ key, untilMs }));
  }

  /** As the planner reads it. */
  of(nowMs: number): Avoided {
    const keys = this.entries(nowMs).map(({ key }) => key);
    const after = (word: string) =>
      new Set(keys.filter((key) => key.startsWith(`${word} `)).map((key) => key.slice(word.length + 1)));
    return { vms: after('vm'), moves: after('move'), links: after('link') };
  }
}

export const vmKey = (vm: string): string => `vm ${vm}`;
export const linkKey = ({ a, b }: { a: string; b: string }): string => `link ${pairKey(a, b)}`;
export const planKey = (actions: readonly AdaptAction[]): string => `plan ${signatureOf(actions)}`;
