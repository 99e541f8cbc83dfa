/** From what is to what shall be, as steps in the order in which they are taken; each with why, and on what evidence. */
import {
  type AdaptAction,
  type Adapted,
  type CpuReservation,
  IDENTITY,
  type LinkReservation,
  type PlannedAction,
  type Route,
} from '../../core/index.js';

/** VM, from, to. */
export type Move = Extract<AdaptAction, { kind: 'move' }>;

/**
 * Reservations first, then the links that use them, moves, routes; then what is no longer needed, the other way round:
 * make before break. What only changes its value is added anew: adding replaces what has the same identity.
 */
export function actionsBetween(before: Adapted, after: Adapted, moves: readonly Move[]): AdaptAction[] {
  const links = difference(before.links, after.links, IDENTITY.links);
  const routes = difference(before.routes, after.routes, IDENTITY.routes);
  const bandwidth = difference(before.linkReservations, after.linkReservations, IDENTITY.linkReservations);
  const cpus = difference(before.cpuReservations, after.cpuReservations, IDENTITY.cpuReservations);
  const link =
    (sign: '+' | '-') =>
    (one: Adapted['links'][number]): AdaptAction => ({ kind: 'link', sign, link: one });
  const route =
    (sign: '+' | '-') =>
    (one: Route): AdaptAction => ({ kind: 'route', sign, route: one });
  const reserveLink =
    (sign: '+' | '-') =>
    (reservation: LinkReservation): AdaptAction => ({
      kind: 'reserve-link',
      sign,
      reservation,
    });
  const reserveCpu =
    (sign: '+' | '-') =>
    (reservation: CpuReservation): AdaptAction => ({
      kind: 'reserve-cpu',
      sign,
      reservation,
    });
  return [
    ...bandwidth.added.map(reserveLink('+')),
    ...cpus.added.map(reserveCpu('+')),
    ...links.added.map(link('+')),
    ...moves,
    ...routes.added.map(route('+')),
    ...routes.removed.map(route('-')),
    ...links.removed.map(link('-')),
    ...cpus.removed.map(reserveCpu('-')),
    ...bandwidth.removed.map(reserveLink('-')),
  ];
}

function difference<T extends object>(
  before: readonly T[],
  after: readonly T[],
  identity: (item: T) => string,
): { added: T[]; removed: T[] } {
  // Whoever kept them may have sorted their keys.
  const text = (item: T) => JSON.stringify(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)));
  const old = new Map(before.map((item) => [identity(item), text(item)]));
  const kept = new Set(after.map(identity));
  return {
    added: after.filter((item) => old.get(identity(item)) !== text(item)),
    removed: before.filter((item) => !kept.has(identity(item))),
  };
}

/** What undoes the steps: moves the other way, and what adaptation owned before. */
export function inverseMoves(actions: readonly AdaptAction[]): Move[] {
  return actions
    .filter((action) => action.kind === 'move')
    .map(({ kind, vm, from, to }) => ({ kind, vm, from: to, to: from }))
    .reverse();
}

/** Equal for equal changes, whatever their order: by which they are known again. */
export function signatureOf(actions: readonly (AdaptAction | PlannedAction)[]): string {
  return actions
    .map((one) =>
      actionKey('action' in one && typeof one.action === 'object' ? one.action : (one as AdaptAction)),
    )
    .sort()
    .join('; ');
}

export function actionKey(action: AdaptAction): string {
  switch (action.kind) {
    case 'move':
      return `move ${action.vm} ${action.to}`;
    case 'link':
      return `${action.sign} ${IDENTITY.links(action.link)}`;
    case 'route':
      return `${action.sign} ${IDENTITY.routes(action.route)} via ${action.route.via.join(' ')}`;
    case 'reserve-link':
      return `${action.sign} reserve ${IDENTITY.linkReservations(action.reservation)}`;
    case 'reserve-cpu':
      return `${action.sign} reserve ${IDENTITY.cpuReservations(action.reservation)}`;
  }
}
