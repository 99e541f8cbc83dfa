/**
 * What people do meanwhile. Their change wins: a VM that they placed is left there, a link or route of theirs takes the
 * place of ours, and what they removed is not made again by this. All of it is told by looking: what is not as
 * adaptation left it, somebody else changed.
 */
import { type AdaptAction, type Adapted, IDENTITY } from '../../core/index.js';
import { pairKey, type Snapshot } from '../planner/index.js';

export interface Moved {
  vm: string;
  from: string;
  to: string;
}

/** Where VMs are, as last seen, moves of adaptation's own included. */
export class Places {
  readonly #at = new Map<string, string>();

  /** VMs that are somewhere else without our doing. */
  note({ vms }: Snapshot): Moved[] {
    const moved: Moved[] = [];
    const there = new Set(vms.map(({ vm }) => vm));
    for (const { vm, host } of vms) {
      const before = this.#at.get(vm);
      if (before !== undefined && before !== host) moved.push({ vm, from: before, to: host });
      this.#at.set(vm, host);
    }
    for (const vm of this.#at.keys()) if (!there.has(vm)) this.#at.delete(vm);
    return moved;
  }

  /** Wherever VMs are now is where they belong. */
  forget(): void {
    this.#at.clear();
  }

  /** Our own doing. */
  expect(vm: string, host: string): void {
    this.#at.set(vm, host);
  }
}

/** Steps that take away what the user has stated as well, or that the world dropped. */
export function covered({ adapted, topology }: Snapshot): AdaptAction[] {
  const routes = new Set(
    topology.routes.flatMap(({ network, from, to, both }) =>
      both ? [`${network} ${from} ${to}`, `${network} ${to} ${from}`] : [`${network} ${from} ${to}`],
    ),
  );
  const links = new Set(topology.links.map((link) => IDENTITY.links(link)));
  const reserved = new Set(topology.linkReservations.map((one) => IDENTITY.linkReservations(one)));
  const cpus = new Set(topology.cpuReservations.map(({ vm }) => vm));
  return [
    ...adapted.routes
      .filter(({ network, from, to, both }) =>
        both
          ? routes.has(`${network} ${from} ${to}`) || routes.has(`${network} ${to} ${from}`)
          : routes.has(`${network} ${from} ${to}`),
      )
      .map((route): AdaptAction => ({ kind: 'route', sign: '-', route })),
    ...adapted.links
      .filter((link) => links.has(IDENTITY.links(link)))
      .map((link): AdaptAction => ({ kind: 'link', sign: '-', link })),
    ...adapted.linkReservations
      .filter((one) => reserved.has(IDENTITY.linkReservations(one)))
      .map((reservation): AdaptAction => ({ kind: 'reserve-link', sign: '-', reservation })),
    ...adapted.cpuReservations
      .filter(({ vm }) => cpus.has(vm))
      .map((reservation): AdaptAction => ({ kind: 'reserve-cpu', sign: '-', reservation })),
  ];
}

/** What is left after the removals among the steps. */
export function without(adapted: Adapted, actions: readonly AdaptAction[]): Adapted {
  const gone = new Set(
    actions.flatMap((action): unknown[] => {
      if (action.kind === 'route') return [action.route];
      if (action.kind === 'link') return [action.link];
      return action.kind === 'move' ? [] : [action.reservation];
    }),
  );
  const keep = <T>(list: readonly T[]) => list.filter((item) => !gone.has(item));
  return {
    links: keep(adapted.links),
    routes: keep(adapted.routes),
    linkReservations: keep(adapted.linkReservations),
    cpuReservations: keep(adapted.cpuReservations),
  };
}

/** What of `expected` is no more: removed by somebody else. Empty: nothing. */
export function dropped(expected: Adapted, { links, routes }: Adapted): string[] {
  const linksNow = new Set(links.map(IDENTITY.links));
  const routesNow = new Set(routes.map(IDENTITY.routes));
  return [
    ...expected.links
      .filter((link) => !linksNow.has(IDENTITY.links(link)))
      .map(({ a, b }) => `the link ${pairKey(a, b)}`),
    ...expected.routes
      .filter((route) => !routesNow.has(IDENTITY.routes(route)))
      .map(({ from, to }) => `the route of ${from} and ${to}`),
  ];
}
