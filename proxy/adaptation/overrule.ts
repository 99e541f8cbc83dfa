/**
 * What a person's change leaves of what adaptation owns: theirs wins. What they remove goes, whoever made it; what they
 * own now is theirs; what named a VM or host that is gone goes with it. Pure.
 */
import {
  type Adapted,
  type Change,
  type ChangeRequest,
  IDENTITY,
  type LinkReservation,
  type LinkStatement,
  type PlanStep,
  type Route,
  type Topology,
} from '../../core/index.js';
import { printStatement } from '../../lang/index.js';
import { directionsOf, leftOf, linkKeysOf } from '../lowering/index.js';

export interface Overruled {
  /** The same object where nothing of it goes. */
  adapted: Adapted;
  /** What goes because the request names it. */
  steps: PlanStep[];
}

/** `topology`: complete, as it will be. */
export function overrule(
  adapted: Adapted,
  request: ChangeRequest,
  change: Change,
  topology: Topology,
): Overruled {
  const isEmpty = Object.values(adapted).every((list: unknown[]) => list.length === 0);
  if (isEmpty) return { adapted, steps: [] };
  const named = request.kind === 'change' ? request.change.remove : undefined;
  const left = withoutOwned(named ? withoutNamed(adapted, named) : adapted, change, topology);
  const lists = Object.keys(adapted) as (keyof Adapted)[];
  const isSame = lists.every(
    (list) => left[list].length === adapted[list].length && sameItems(left, adapted, list),
  );
  return {
    adapted: isSame ? adapted : left,
    steps: named ? steps(adapted, withoutNamed(adapted, named), topology) : [],
  };
}

function sameItems(a: Adapted, b: Adapted, list: keyof Adapted): boolean {
  return a[list].every((item, i) => item === b[list][i]);
}

function withoutNamed(adapted: Adapted, named: Topology): Adapted {
  const keys = <K extends 'links' | 'linkReservations' | 'cpuReservations'>(list: K) =>
    new Set((named[list] as never[]).map(IDENTITY[list] as (item: never) => string));
  const [links, rates, cpus] = [keys('links'), keys('linkReservations'), keys('cpuReservations')];
  const directions = new Set(named.routes.flatMap(directionsOf));
  return {
    links: adapted.links.filter((link) => !links.has(IDENTITY.links(link))),
    routes: adapted.routes.filter((route) => !directionsOf(route).some((each) => directions.has(each))),
    linkReservations: adapted.linkReservations.filter(
      (rate) => !rates.has(IDENTITY.linkReservations(rate)) && !links.has(IDENTITY.links(linkOf(rate))),
    ),
    cpuReservations: adapted.cpuReservations.filter((cpu) => !cpus.has(IDENTITY.cpuReservations(cpu))),
  };
}

/** Only what the change can concern is looked for. */
function withoutOwned(adapted: Adapted, { add, remove }: Change, topology: Topology): Adapted {
  const gone = remove.hosts.length + remove.vms.length > 0;
  const hosts = new Set(topology.hosts.map(({ name }) => name));
  const vms = new Map(gone ? topology.vms.map(({ name, network }) => [name, network]) : []);
  const links = add.links.length + add.shapes.length > 0 ? linkKeysOf(topology) : new Set<string>();
  const rates = new Set(add.linkReservations.map(IDENTITY.linkReservations));
  const cpus = new Set(add.cpuReservations.map(({ vm }) => vm));
  const directions = new Set(add.routes.flatMap(directionsOf));
  const isHost = (name: string) => !gone || hosts.has(name);
  const stays = ({ network, from, to, via }: Route) =>
    !gone || (vms.get(from) === network && vms.get(to) === network && via.every(isHost));
  return {
    links: adapted.links.filter(
      (link) => isHost(link.a) && isHost(link.b) && !links.has(IDENTITY.links(link)),
    ),
    routes: adapted.routes.flatMap((route) =>
      stays(route) ? (leftOf(route, (direction) => directions.has(direction)) ?? []) : [],
    ),
    linkReservations: adapted.linkReservations.filter(
      (rate) => isHost(rate.from) && isHost(rate.to) && !rates.has(IDENTITY.linkReservations(rate)),
    ),
    cpuReservations: adapted.cpuReservations.filter(({ vm }) => (!gone || vms.has(vm)) && !cpus.has(vm)),
  };
}

function linkOf({ type, from, to }: LinkReservation): LinkStatement {
  return { type, a: from, b: to };
}

function steps(before: Adapted, after: Adapted, topology: Topology): PlanStep[] {
  const gone = <K extends keyof Adapted>(list: K, kind: PlanStep['kind']): PlanStep[] => {
    const left = new Set<unknown>(after[list]);
    return before[list]
      .filter((item) => !left.has(item))
      .map((item) => ({ sign: '-', kind, text: printStatement(list, item as never, topology) }));
  };
  return [
    ...gone('links', 'link'),
    ...gone('routes', 'route'),
    ...gone('linkReservations', 'reservation'),
    ...gone('cpuReservations', 'reservation'),
  ];
}
