/** The problem of one moment of a recording: the hosts and VMs of an instance, the flows that were recorded. */
import { VnetError } from '../../core/index.js';
import { compile, type Instance, type NamedPlacement, type Problem } from '../../vadapt/index.js';
import type { Moment } from './recorded-moments.js';

export interface MomentProblem {
  problem: Problem;
  instance: Instance;
  /** Names of the recording that the instance does not have: their traffic is left out. */
  strangers: string[];
}

/**
 * @param before what was decided last: from there changes are counted; absent: the instance's own present
 * @throws VNET_ERR_INVALID where no VM of the recording is in the instance
 */
export function momentProblem(
  base: Problem,
  moment: Moment,
  before: NamedPlacement | undefined,
): MomentProblem {
  const vms = new Set(base.vms.map(({ name }) => name));
  const flows = moment.flows.filter(({ from, to }) => vms.has(from) && vms.has(to));
  const all = new Set(moment.flows.flatMap(({ from, to }) => [from, to]));
  const strangers = [...all].filter((name) => !vms.has(name));
  if (flows.length === 0)
    throw new VnetError(
      'VNET_ERR_INVALID',
      'no VMs of the recording that talk to each other are in the instance',
      {
        hint: `the instance has to have VMs called ${strangers.slice(0, 5).join(', ')}`,
      },
    );
  const present =
    before === undefined ? base.present : { mapping: before.mapping, links: bothWays(linksOf(before)) };
  const problem: Problem = { ...base, flows, ...(present === undefined ? {} : { present }) };
  return { problem, instance: compile(problem), strangers };
}

/** A link carries both directions. */
function bothWays(links: readonly [string, string][]): [string, string][] {
  return links.flatMap(([from, to]) => [
    [from, to],
    [to, from],
  ]);
}

/** Edges that paths use, each once. */
export function linksOf({ paths }: Pick<NamedPlacement, 'paths'>): [string, string][] {
  const links = new Map<string, [string, string]>();
  for (const path of paths)
    for (const [i, to] of path.entries()) {
      const from = path[i - 1];
      if (from !== undefined) links.set(`${from} ${to}`, [from, to]);
    }
  return [...links.values()];
}

/** VMs that are somewhere else afterwards; one that was nowhere has `from` undefined. */
export function movesOf(
  before: NamedPlacement['mapping'] | undefined,
  after: NamedPlacement['mapping'],
): { vm: string; from?: string; to: string }[] {
  return Object.entries(after).flatMap(([vm, to]) => {
    const from = before?.[vm];
    if (from === to) return [];
    return [from === undefined ? { vm, to } : { vm, from, to }];
  });
}
