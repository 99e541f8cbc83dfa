/** A daemon that reserves nothing, and says so to whoever asks. */
import { VnetError } from '../../core/index.js';
import type { LinkWish, Outcome, ReservationDriver } from './driver.js';

export class NoReservations implements ReservationDriver {
  readonly name = 'none';

  constructor(
    private readonly reason: string,
    private readonly hint: string,
  ) {}

  async set(wishes: readonly LinkWish[]): Promise<ReadonlyMap<string, Outcome>> {
    const error = new VnetError('VNET_ERR_UNSUPPORTED', `this daemon reserves no bandwidth: ${this.reason}`, {
      hint: this.hint,
    });
    return new Map(wishes.map(({ id }) => [id, { error }]));
  }

  async clear(): Promise<void> {}
}
