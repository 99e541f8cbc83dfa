/** What the controller must not forget over a restart, and the one place that keeps it. */
import { type AdaptSettings, DEFAULT_ADAPT } from '../../core/index.js';
import { Avoid } from './avoid.js';
import { History } from './history.js';
import type { AdaptWorld, ControllerMemory } from './world.js';

export class Memory {
  settings: AdaptSettings;
  readonly history: History;
  readonly avoid: Avoid;
  begun: ControllerMemory['begun'];
  readonly #world: AdaptWorld;
  readonly #calendar: () => number;

  /** Settings that an earlier version did not have are the defaults. */
  constructor(world: AdaptWorld, calendar: () => number, kept?: ControllerMemory) {
    this.#world = world;
    this.#calendar = calendar;
    this.settings = { ...DEFAULT_ADAPT, ...kept?.settings };
    this.history = new History(kept?.history, kept?.decided);
    this.avoid = new Avoid(kept?.avoid);
    this.begun = kept?.begun;
  }

  /** Rejects where it cannot be kept. */
  save(): Promise<void> {
    return this.#world.save({
      settings: this.settings,
      history: this.history.records,
      avoid: this.avoid.entries(this.#calendar()),
      decided: this.history.decided,
      ...(this.begun && { begun: this.begun }),
    });
  }
}
