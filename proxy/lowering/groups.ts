/** Group frames of a network: the tree they take, and what of the user's rules cannot be. */
import {
  groupCycles,
  type GroupScope,
  hasOwnGroupTree,
  type RuleStatement,
  VnetError,
} from '../../core/index.js';
import { edgeKey } from './model.js';
import { isGroupRule } from './paths.js';

/** How a network's group frames go. */
export interface GroupWay {
  /** The user's rules make the whole tree: the star adds no edges. */
  ownTree: boolean;
  /** Why the rules cannot stand. */
  error: VnetError | undefined;
}

/** `fallen`: the user's edges are left out, whatever they make. */
export function groupWay(scope: GroupScope, fallen: boolean): GroupWay {
  const [cycle] = groupCycles(scope);
  if (cycle) return { ownTree: false, error: cycleError(scope.network, cycle.group) };
  return { ownTree: !fallen && hasOwnGroupTree(scope), error: undefined };
}

/** Edges that the user's group rules of a network send to, as `edgeKey`s: with one of them dead, frames are lost. */
export function groupEdges(rules: Iterable<RuleStatement>, network: string): Set<string> {
  const edges = new Set<string>();
  for (const rule of rules) {
    if (rule.network !== network || !isGroupRule(rule)) continue;
    for (const action of rule.actions) if (action.kind === 'edge') edges.add(edgeKey(rule.host, action.peer));
  }
  return edges;
}

function cycleError(network: string, group: string): VnetError {
  const what = group === 'group' ? 'group frames' : `frames to ${group}`;
  return new VnetError('VNET_ERR_INVALID', `the rules of network ${network} send ${what} in a cycle`, {
    hint: 'let the edges of group rules form a tree that reaches every host with ports, or leave groups to the star',
  });
}
