/** Keeps to what people did meanwhile, and says so. */
import type { AdaptAction, AdaptRecord } from '../../core/index.js';
import type { Snapshot } from '../planner/index.js';
import { HANDS_OFF_MS, vmKey } from './avoid.js';
import { covered, dropped, type Moved, Places, without } from './hands.js';
import type { LoopParts } from './loop-parts.js';

export interface Overruling {
  /** VMs that somebody moved. */
  moved: readonly Moved[];
  /** Steps that give to the user what is theirs now. */
  give: readonly AdaptAction[];
}

export class People {
  readonly places = new Places();
  readonly #parts: LoopParts;
  readonly #network: string;

  constructor(network: string, parts: LoopParts) {
    this.#network = network;
    this.#parts = parts;
  }

  async look(raw: Snapshot): Promise<Overruling> {
    const { memory, acting, calendar } = this.#parts;
    const moved = this.places.note(raw);
    const gone = acting.expected ? dropped(acting.expected, raw.adapted) : [];
    // Before anything is waited for: another network's change may follow.
    acting.expected = raw.adapted;
    for (const one of moved) {
      if (memory.settings.mode === 'auto') memory.avoid.add(vmKey(one.vm), calendar() + HANDS_OFF_MS);
      await this.#sayMove(one);
    }
    if (gone.length > 0) await this.#say(`${gone.join(', ')} of adaptation's: removed by hand`, []);
    return { moved, give: covered(raw) };
  }

  /** What adaptation owned is theirs from now on. Call within `alone`. */
  async giveUp(raw: Snapshot, actions: readonly AdaptAction[]): Promise<void> {
    const { acting } = this.#parts;
    const { record, error } = await acting.make({
      network: this.#network,
      actions,
      before: raw.adapted,
      after: without(raw.adapted, actions),
      by: 'user',
      reason: "the user's statements ask for the same, and theirs count",
      predictedGain: 0,
    });
    if (!error) await acting.note({ ...record, outcome: 'overruled' });
  }

  /** Only where adaptation had put it there: else a person moved what is theirs anyhow. */
  async #sayMove({ vm, from, to }: Moved): Promise<void> {
    const last = this.#parts.memory.history.records.find(
      (record) => record.outcome !== 'failed' && moveOf(record, vm) !== undefined,
    );
    const move = last && moveOf(last, vm);
    if (move?.to !== from) return;
    await this.#say(`${vm} was moved from ${from} to ${to} by hand; it is left there`, [move]);
  }

  #say(reason: string, actions: AdaptAction[]): Promise<void> {
    return this.#parts.acting.say(this.#network, { by: 'user', outcome: 'overruled', reason, actions });
  }
}

export function moveOf(
  { actions }: AdaptRecord,
  vm: string,
): Extract<AdaptAction, { kind: 'move' }> | undefined {
  return actions.filter((action) => action.kind === 'move').find((action) => action.vm === vm);
}
