/** What the controller acts on: the Proxy, or a simulation. */
import type {
  AdaptAction,
  Adapted,
  AdaptProgress,
  AdaptRecord,
  AdaptSettings,
  PlannedAction,
} from '../../core/index.js';
import type { Snapshot } from '../planner/index.js';

export interface AdaptWorld {
  /** Networks there are. */
  networks(): string[];
  /** Undefined: nothing can be decided of that network (no Proxy role yet, no traffic matrix). */
  snapshot(network: string): Snapshot | undefined;
  /**
   * Carries the actions out in the order of the mechanisms: reservations, links, moves, routes, then what is removed.
   * Rejects with what failed when all that was done is undone again; `adapted` is what adaptation owns afterwards.
   * Resolves with moves that did not come to pass (a VM stayed, with its reason): the rest stands.
   *
   * Idempotent: after a restart it is called again with steps that may be done already (a VM that is there, a link that
   * exists). `adapted` is whole, of all networks, and what counts: routes of one pair that become others (`a <-> b` by
   * `a -> b`, or another `via`) are replaced at once, not one by one.
   */
  carryOut(
    network: string,
    actions: readonly AdaptAction[],
    adapted: Adapted,
    progress?: (progress: AdaptProgress) => void,
  ): Promise<{ stayed: { vm: string; host: string; reason: string }[] }>;
  /** Where the controller's memory is kept over a restart. Rejects where it cannot be. */
  save(memory: ControllerMemory): Promise<void>;
  /** Of a record: published, logged. Called again, with the same id, when its outcome is known. */
  announce(record: AdaptRecord): void;
}

/** Plain JSON. */
export interface ControllerMemory {
  settings: AdaptSettings;
  /** Newest first. */
  history: AdaptRecord[];
  /** What was taken back or overruled, as the controller knows it again; with until when, calendar milliseconds. */
  avoid: { key: string; untilMs: number }[];
  /** Why the steps of late records were taken: for `why`. Newest first. */
  decided?: { record: string; atMs: number; actions: PlannedAction[] }[];
  /** A change that has begun and of which no end is known: after a restart it is completed or undone. */
  begun?: { network: string; actions: AdaptAction[]; before: Adapted; after: Adapted; record: AdaptRecord };
}
