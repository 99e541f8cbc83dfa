/** A request, checked whole and turned into the topology it asks for and the steps a person reads. */
import {
  type Change,
  type ChangeRequest,
  type HostConfig,
  IDENTITY,
  isEmptyChange,
  type Plan,
  type PlanStep,
  type Topology,
  TOPOLOGY_LISTS,
  VnetError,
} from '../core/index.js';
import { printStatement } from '../lang/index.js';
import { outcomeOf } from './change.js';
import { refuseErrors } from './checking.js';

const STEP_KIND: Record<keyof Topology, PlanStep['kind']> = {
  networks: 'network',
  hosts: 'host',
  vms: 'vm',
  ports: 'port',
  links: 'link',
  shapes: 'shape',
  routes: 'route',
  rules: 'rule',
  linkReservations: 'reservation',
  cpuReservations: 'reservation',
  constraints: 'constraint',
};

export interface Proposal {
  /** What the user will own. */
  topology: Topology;
  change: Change;
  steps: PlanStep[];
}

/**
 * Compares the request with what the user owns now, and checks the result; nothing is touched.
 *
 * @throws VNET_ERR_CONFLICT where the request was made for another revision; VNET_ERR_INVALID with the
 * diagnostics as details where the topology would not be right.
 */
export function propose(
  current: { topology: Topology; revision: number },
  request: ChangeRequest,
  complete: (user: Topology) => Topology,
): Proposal {
  if (request.revision !== undefined && request.revision !== current.revision) {
    throw new VnetError(
      'VNET_ERR_CONFLICT',
      `the plan was made for revision ${request.revision}, now it is ${current.revision}`,
      {
        hint: 'somebody changed the topology meanwhile: plan again and look at what differs',
      },
    );
  }
  const { topology, change } = outcomeOf(current.topology, request);
  if (isEmptyChange(change)) return { topology, change, steps: [] };
  const [before, after] = [complete(current.topology), complete(topology)];
  refuseErrors(before, change, after);
  return { topology, change, steps: planSteps(change, before, after) };
}

function planSteps(change: Change, before: Topology, after: Topology): PlanStep[] {
  return TOPOLOGY_LISTS.flatMap((list) => {
    const identity = IDENTITY[list] as (statement: unknown) => string;
    const print = printStatement as (list: keyof Topology, statement: unknown, topology: Topology) => string;
    const kind = STEP_KIND[list];
    const removed = new Map(
      change.remove[list].map((statement) => [identity(statement), print(list, statement, before)]),
    );
    const added = change.add[list].map((statement): PlanStep => {
      const key = identity(statement);
      const old = removed.get(key);
      removed.delete(key);
      const text = print(list, statement, after);
      return old === undefined ? { sign: '+', kind, text } : { sign: '~', kind, text, before: old };
    });
    return [...[...removed.values()].map((text): PlanStep => ({ sign: '-', kind, text })), ...added];
  });
}

/** What a change means underneath, a host; hosts that it does not concern are left out. */
export function planEffects(
  before: ReadonlyMap<string, HostConfig>,
  after: ReadonlyMap<string, HostConfig>,
  isPending: (host: string) => boolean,
): Plan['effects'] {
  const hosts = [...new Set([...before.keys(), ...after.keys()])].sort();
  return hosts.flatMap((host) => {
    const [old, next] = [before.get(host), after.get(host)];
    if (old === next) return [];
    const links = countDifference(linkTexts(old), linkTexts(next));
    const rules = countDifference(
      old?.rules.map(({ id }) => id),
      next?.rules.map(({ id }) => id),
    );
    const counts = {
      addLinks: links.added,
      removeLinks: links.removed,
      addRules: rules.added,
      removeRules: rules.removed,
    };
    if (Object.values(counts).every((count) => count === 0)) return [];
    return [{ host, ...counts, pending: isPending(host) }];
  });
}

/** By peer and type: identities of links that are not made yet mean nothing. */
function linkTexts(config: HostConfig | undefined): string[] | undefined {
  return config?.links.map(({ peer, type }) => `${type} ${peer}`);
}

function countDifference(before: string[] = [], after: string[] = []): { added: number; removed: number } {
  const [old, next] = [new Set(before), new Set(after)];
  return {
    added: [...next].filter((item) => !old.has(item)).length,
    removed: [...old].filter((item) => !next.has(item)).length,
  };
}
