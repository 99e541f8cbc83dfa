/** What adaptation does and owns, in the words of the language. */
import { type AdaptAction, type Adapted, emptyTopology, type Topology } from '../../core/index.js';
import { printStatement } from '../../lang/index.js';
import type { Run } from '../run.js';
import { listed } from './numbers.js';

/** A topology in whose script statements about this network need not say so. */
export const withinNetwork = (network: string): Topology => ({
  ...emptyTopology(),
  networks: [{ name: network }],
});

/** `+ link udp a b`, `> move p2 a -> b`, painted by its sign. */
export function actionText(run: Run, action: AdaptAction, network: string): string {
  const { good, bad, warn, vm, host } = run.paint;
  if (action.kind === 'move') {
    return `${warn('> move')} ${vm(action.vm)}  ${host(action.from)} ${run.glyphs.arrow} ${host(action.to)}`;
  }
  return (action.sign === '+' ? good : bad)(`${action.sign} ${statementText(action, network)}`);
}

function statementText(action: Exclude<AdaptAction, { kind: 'move' }>, network: string): string {
  const within = withinNetwork(network);
  if (action.kind === 'link') return printStatement('links', action.link, within);
  if (action.kind === 'route') return printStatement('routes', action.route, within);
  return action.kind === 'reserve-link'
    ? printStatement('linkReservations', action.reservation, within)
    : printStatement('cpuReservations', action.reservation, within);
}

/** `2 moves, 1 link, 4 routes, 3 removed`. */
export function countedActions(actions: readonly AdaptAction[]): string {
  const made = (kind: AdaptAction['kind']): number =>
    actions.filter((action) => action.kind === kind && !('sign' in action && action.sign === '-')).length;
  const removed = actions.filter((action) => 'sign' in action && action.sign === '-').length;
  const text = listed([
    [made('move'), 'move'],
    [made('link'), 'link'],
    [made('route'), 'route'],
    [made('reserve-link') + made('reserve-cpu'), 'reservation'],
  ]);
  if (removed === 0) return text;
  return text === 'nothing' ? `${removed} removed` : `${text}, ${removed} removed`;
}

export function countedAdapted({ links, routes, linkReservations, cpuReservations }: Adapted): string {
  return listed([
    [links.length, 'link'],
    [routes.length, 'route'],
    [linkReservations.length + cpuReservations.length, 'reservation'],
  ]);
}

/** A statement a line, as scripts have them. */
export function adaptedStatements(adapted: Adapted, topology: Topology): string[] {
  return [
    ...adapted.links.map((link) => printStatement('links', link, topology)),
    ...adapted.routes.map((route) => printStatement('routes', route, topology)),
    ...adapted.linkReservations.map((each) => printStatement('linkReservations', each, topology)),
    ...adapted.cpuReservations.map((each) => printStatement('cpuReservations', each, topology)),
  ];
}
