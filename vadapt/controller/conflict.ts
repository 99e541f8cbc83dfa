/** Whether a plan still stands on what it was made for. */
import type { AdaptAction, Adapted } from '../../core/index.js';
import type { Snapshot } from '../planner/index.js';

/** What has changed since, in a sentence; undefined: nothing that matters. `before`, `revision`: as the plan saw them. */
export function whyConflict(
  actions: readonly AdaptAction[],
  before: Adapted,
  revision: number,
  now: Snapshot,
): string | undefined {
  if (now.revision !== revision)
    return `the topology is at revision ${now.revision}, and the plan stands on ${revision}`;
  if (!sameAdapted(before, now.adapted)) return 'what adaptation owns has changed since';
  const vms = new Map(now.vms.map((vm) => [vm.vm, vm]));
  for (const action of actions) {
    if (action.kind === 'move') {
      const vm = vms.get(action.vm);
      if (!vm) return `there is no VM ${action.vm} any more`;
      if (vm.host !== action.from) return `${vm.vm} is on ${vm.host}, not on ${action.from}`;
      if (vm.pinned) return `${vm.vm} is pinned on ${vm.host} now`;
      if (vm.move) return `${vm.vm} is moving already`;
    }
    const away = hostsOf(action).find((host) => !now.ready.includes(host));
    if (away !== undefined) return `host ${away} is away`;
  }
  return undefined;
}

/** That must take part in a step. */
function hostsOf(action: AdaptAction): string[] {
  if (action.kind === 'move') return [action.from, action.to];
  if (action.kind === 'reserve-cpu' || action.sign === '-') return [];
  if (action.kind === 'link') return [action.link.a, action.link.b];
  return action.kind === 'route' ? action.route.via : [action.reservation.from, action.reservation.to];
}

export function sameAdapted(a: Adapted, b: Adapted): boolean {
  return texts(a) === texts(b);
}

function texts({ links, routes, linkReservations, cpuReservations }: Adapted): string {
  const list = (items: readonly object[]) =>
    items.map((item) => JSON.stringify(Object.entries(item).sort(([x], [y]) => (x < y ? -1 : 1)))).sort();
  return JSON.stringify([links, routes, linkReservations, cpuReservations].map(list));
}
