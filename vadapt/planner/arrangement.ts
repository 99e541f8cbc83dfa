/** A placement by names: what is carried from one snapshot to the next, where hosts, VMs and flows may be others. */
import { whyMappingInvalid } from '../model/validity.js';
import type { Placement } from '../model/problem.js';
import { type Draft, pathNames, placementOf } from './draft.js';
import { placesThen } from './target.js';

export interface Arrangement {
  /** VM to host. */
  places: ReadonlyMap<string, string>;
  /** `from to` of VMs to hosts. */
  paths: ReadonlyMap<string, readonly string[]>;
}

export function arrangementOf(draft: Draft, placement: Placement): Arrangement {
  return {
    places: placesThen(draft, placement),
    paths: new Map(
      draft.flows.map(({ from, to }, i) => [
        `${from} ${to}`,
        pathNames(draft, placement.paths[i] as Int32Array),
      ]),
    ),
  };
}

/** The same in another draft: what it does not name, or cannot be there, as it is now. Undefined: hosts cannot hold it. */
export function placementIn(draft: Draft, { places, paths }: Arrangement): Placement | undefined {
  const { problem, instance, hostIndex, ground, flows, edges } = draft;
  const then = new Map(
    problem.vms.map(({ name }, vm) => {
      const host = hostIndex.get(places.get(name) ?? '');
      const may = host !== undefined && instance.allowed[vm * instance.hosts + host] === 1;
      const stays = problem.hosts[draft.present.mapping[vm] as number]?.name as string;
      return [name, may ? (places.get(name) as string) : stays];
    }),
  );
  const ways = flows.map(({ from, to }) => {
    const [at, target] = [then.get(from) as string, then.get(to) as string];
    const way = paths.get(`${from} ${to}`);
    const stands =
      way &&
      way[0] === at &&
      way.at(-1) === target &&
      way.every((host, i) => i === 0 || edges.has(`${way[i - 1]} ${host}`));
    return stands ? way : ground.present(from, to, at, target);
  });
  const placement = placementOf(problem, hostIndex, then, ways);
  return whyMappingInvalid(instance, placement.mapping) === undefined ? placement : undefined;
}
