/** What a request changes of the topology that the user owns. Pure; statements that stay are the same objects. */
import {
  type Change,
  type ChangeRequest,
  canonical,
  emptyChange,
  emptyTopology,
  IDENTITY,
  type Topology,
  TOPOLOGY_LISTS,
} from '../core/index.js';
import { listChange } from './lowering/index.js';

export interface Outcome {
  /** Canonical, as the topology it came from. */
  topology: Topology;
  /** Only what differs. */
  change: Change;
}

/** `current` is canonical. A change costs its own size, a search in the lists it names and their copy. */
export function outcomeOf(current: Topology, request: ChangeRequest): Outcome {
  return request.kind === 'target' ? towards(current, request.topology) : effective(current, request.change);
}

type List = keyof Topology;

function towards(current: Topology, target: Topology): Outcome {
  const wanted = canonical(target);
  const outcome: Outcome = { topology: { ...current }, change: emptyChange() };
  for (const list of TOPOLOGY_LISTS) {
    const known = new Map((current[list] as object[]).map((item) => [JSON.stringify(item), item]));
    const after = (wanted[list] as object[]).map((item) => known.get(JSON.stringify(item)) ?? item);
    put(outcome, list, after, listChange<object>(current[list], after));
  }
  return outcome;
}

function put(
  { topology, change }: Outcome,
  list: List,
  after: object[],
  { removed, added }: { removed: object[]; added: object[] },
): void {
  if (removed.length + added.length === 0) return;
  Object.assign(topology, { [list]: after });
  Object.assign(change.add, { [list]: added });
  Object.assign(change.remove, { [list]: removed });
}

/** The part of a change that changes something; only the lists it names are looked at. */
function effective(current: Topology, wanted: Change): Outcome {
  const outcome: Outcome = { topology: { ...current }, change: emptyChange() };
  for (const list of TOPOLOGY_LISTS) {
    if (wanted.add[list].length + wanted.remove[list].length === 0) continue;
    const added =
      wanted.add[list].length > 0 ? canonical({ ...emptyTopology(), [list]: wanted.add[list] })[list] : [];
    const edits = editsOf(list, current[list], wanted.remove[list], added);
    const removed = edits.flatMap(({ before }) => before ?? []);
    const put_ = edits.flatMap(({ after }) => after ?? []);
    put(outcome, list, edited(current[list], edits), { removed, added: put_ });
  }
  return outcome;
}

/** At `at`, `before` goes (absent: nothing does) and `after` comes. */
interface Edit {
  at: number;
  before: object | undefined;
  after: object | undefined;
}

function editsOf(list: List, current: object[], remove: object[], add: object[]): Edit[] {
  const identity = IDENTITY[list] as (statement: object) => string;
  const wanted = new Map<string, object | undefined>(remove.map((item) => [identity(item), undefined]));
  for (const item of add) wanted.set(identity(item), item);
  const edits = [...wanted]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, after]): Edit => {
      const at = firstNotBelow(current, key, identity);
      const found = current[at];
      return { at, before: found && identity(found) === key ? found : undefined, after };
    });
  return edits.filter(({ before, after }) => JSON.stringify(before) !== JSON.stringify(after));
}

/** Binary search in a list that is sorted by identity. */
function firstNotBelow(sorted: readonly object[], key: string, identity: (item: object) => string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (identity(sorted[middle] as object) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function edited(current: readonly object[], edits: readonly Edit[]): object[] {
  const after: object[] = [];
  let from = 0;
  for (const edit of edits) {
    for (const item of current.slice(from, edit.at)) after.push(item);
    if (edit.after) after.push(edit.after);
    from = edit.before ? edit.at + 1 : edit.at;
  }
  for (const item of current.slice(from)) after.push(item);
  return after;
}
