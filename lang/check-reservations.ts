/** Checks of reservations: what they are for exists, and there can be that much of it. */
import { type CpuReservation, IDENTITY, type LinkReservation } from '../core/index.js';
import { type CheckContext, checkUnique } from './check-context.js';
import { writeDurationUs } from './values.js';
import * as words from './wording.js';

/** Microseconds; what every way of the kernel's to hand out CPU takes (cgroups: 1 ms to 1 s). */
export const MIN_PERIOD_US = 1_000;
export const MAX_PERIOD_US = 1_000_000;
/** Microseconds. Where the kernel wants 1 ms (cgroups), a daemon gives a multiple of slice and period. */
export const MIN_SLICE_US = 100;

/** Less cannot carry a link's keep-alives. */
export const MIN_RESERVED_BPS = 1000;

export function checkReservations(context: CheckContext): void {
  const { linkReservations, cpuReservations } = context.topology;
  checkUnique(context, linkReservations, IDENTITY.linkReservations, ({ type, from, to }) =>
    words.duplicate(`the reservation for ${type} ${from} -> ${to}`),
  );
  for (const reservation of linkReservations) checkLinkReservation(context, reservation);
  checkUnique(context, cpuReservations, IDENTITY.cpuReservations, ({ vm }) =>
    words.duplicate(`the CPU reservation for VM "${vm}"`),
  );
  for (const reservation of cpuReservations) checkCpuReservation(context, reservation);
}

function checkLinkReservation(context: CheckContext, reservation: LinkReservation): void {
  const { type, from, to, bitsPerSecond } = reservation;
  if (!(bitsPerSecond >= MIN_RESERVED_BPS && bitsPerSecond <= Number.MAX_SAFE_INTEGER))
    context.report(reservation, 'rate', words.badNumber(String(bitsPerSecond), 'a rate', '50M or 1.5G'));
  const isKnown = context.knows('host', from, reservation, 'from');
  if (from === to) return context.report(reservation, 'to', words.selfLink(from));
  if (!context.knows('host', to, reservation, 'to') || !isKnown) return;
  const { edges, options } = context;
  if (options.partial || edges.incomplete || edges.hasLink(type, from, to)) return;
  const other = type === 'udp' ? 'tcp' : 'udp';
  const near = edges.hasLink(other, from, to) ? other : undefined;
  context.report(reservation, 'head', words.noLinkOfType(type, from, to, near));
}

function checkCpuReservation(context: CheckContext, reservation: CpuReservation): void {
  const { vm: name, periodUs, sliceUs } = reservation;
  const isKnown = context.knows('VM', name, reservation, 'vm');
  const [slice, period] = [writeDurationUs(sliceUs), writeDurationUs(periodUs)];
  for (const [part, us] of [
    ['slice', sliceUs],
    ['period', periodUs],
  ] as const)
    if (!Number.isInteger(us))
      return context.report(
        reservation,
        part,
        words.badNumber(`${us}us`, 'whole microseconds', '20ms or 500us'),
      );
  if (!(periodUs >= MIN_PERIOD_US && periodUs <= MAX_PERIOD_US)) {
    const [min, max] = [writeDurationUs(MIN_PERIOD_US), writeDurationUs(MAX_PERIOD_US)];
    return context.report(reservation, 'period', words.badPeriod(period, min, max));
  }
  if (sliceUs < MIN_SLICE_US)
    return context.report(reservation, 'slice', words.shortSlice(slice, writeDurationUs(MIN_SLICE_US)));
  const host = context.hosts.get((isKnown && context.vms.get(name)?.host) || '');
  if (host?.cpus !== undefined && sliceUs > periodUs * host.cpus)
    context.report(reservation, 'slice', words.longSlice(slice, period, host.name, host.cpus));
}
