/** What moves work on: units on hosts, with a value. Whole (Arrangement), or by a quick look (QuickLook). */
import type { Instance } from '../model/instance.js';
import type { Places } from './places.js';

export interface Searched {
  readonly instance: Instance;
  readonly places: Places;
  /** Unit to flows that begin or end there, the largest first. */
  readonly flowsOf: readonly Int32Array[];
  readonly value: number;
  mark(): void;
  commit(): void;
  rollback(): void;
  /** Takes a unit off its host. */
  lift(unit: number): void;
  /** Puts one that is nowhere on a host that it fits on. */
  drop(unit: number, host: number): void;
  /** After the last `drop` of a move: `value` holds again. */
  settle(): void;
}

/** `order`: of the flows in each list. */
export function flowsOfUnits(
  { flowFrom, flowTo }: Instance,
  places: Places,
  order: Int32Array,
): Int32Array[] {
  const lists: number[][] = Array.from({ length: places.units }, () => []);
  for (const flow of order) {
    const [one, other] = [
      places.unitOf[flowFrom[flow] as number] as number,
      places.unitOf[flowTo[flow] as number] as number,
    ];
    lists[one]?.push(flow);
    if (other !== one) lists[other]?.push(flow);
  }
  return lists.map((list) => Int32Array.from(list));
}
