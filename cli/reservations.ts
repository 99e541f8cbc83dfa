/** What a host reserves, for people: in the language's words, each with how it stands. */
import type { ReservationView } from '../core/index.js';
import { writeDurationUs, writeRate } from '../lang/index.js';
import type { Run } from './run.js';

export function showReservations(run: Run, reservations: readonly ReservationView[] = []): void {
  if (reservations.length === 0) return;
  const { strong, faint, good, warn, bad } = run.paint;
  run.print(strong('Reserved'));
  for (const { state, text, ...view } of reservations) {
    const paint = { held: good, waiting: warn, failed: bad }[state];
    run.print(`  ${reservationText(view)}  ${paint(state)}  ${faint(text)}`);
  }
}

function reservationText(view: Omit<ReservationView, 'state' | 'text'>): string {
  const { kind, of, bitsPerSecond = 0, sliceUs = 0, periodUs = 0 } = view;
  if (kind === 'cpu') return `cpu ${of} ${writeDurationUs(sliceUs)} of ${writeDurationUs(periodUs)}`;
  return `${of.replace(' ', ' -> ')} ${writeRate(bitsPerSecond)}`;
}
