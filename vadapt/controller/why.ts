/** Why a VM is where it is, or a link or route is there: who decided, and on what. */
import type { AdaptAction, AdaptReason, AdaptRecord, Evidence, PlannedAction } from '../../core/index.js';
import { VnetError } from '../../core/index.js';
import { pairKey, type Snapshot } from '../planner/index.js';
import type { History } from './history.js';

/** `snapshots`: of every network. Throws VNET_ERR_NOT_FOUND where nothing is called so. */
export function whyIs(
  subject: string,
  snapshots: readonly Snapshot[],
  history: History,
  nowMs: number,
): AdaptReason {
  // `vm-a vm-c` are two names, `a-b` may be two: names may have a dash.
  const apart = subject.trim().split(/\s+/);
  const words = apart.length === 2 ? apart : subject.trim().split('-');
  for (const snapshot of snapshots) {
    const reason =
      words.length === 2 ? ofPair(words as [string, string], snapshot, history, nowMs) : undefined;
    const found = reason ?? ofVm(subject.trim(), snapshot, history, nowMs);
    if (found) return { subject, ...found };
  }
  throw new VnetError('VNET_ERR_NOT_FOUND', `no VM, link or route is called ${subject}`, {
    hint: 'name a VM, or two hosts or two VMs for a link or a route',
  });
}

type Found = Omit<AdaptReason, 'subject'>;

function ofVm(name: string, { vms, topology }: Snapshot, history: History, nowMs: number): Found | undefined {
  const vm = vms.find((one) => one.vm === name);
  if (!vm) return undefined;
  const last = lastOf(history, (action) => action.kind === 'move' && action.vm === name);
  const moved = last?.actions.find((action) => action.kind === 'move' && action.vm === name);
  const isOurs = last && stands(last) && moved?.kind === 'move' && moved.to === vm.host;
  if (vm.pinned)
    return { owner: 'user', text: `${name} is pinned on ${vm.host} by its statement`, evidence: [] };
  if (isOurs)
    return byRecord(
      last,
      `${name} was moved to ${vm.host}`,
      history,
      nowMs,
      (one) => one.kind === 'move' && one.vm === name,
    );
  const statement = topology.vms.find((one) => one.name === name);
  const record = last && { record: last };
  if (vm.learnt) return { owner: 'auto', text: `${name} was seen at a LAN port of ${vm.host}`, evidence: [] };
  if (statement?.host === vm.host)
    return { owner: 'user', text: `${name} is on ${vm.host} as its statement says`, evidence: [], ...record };
  return {
    owner: 'user',
    text: `${name} is on ${vm.host}, where somebody put it by hand`,
    evidence: [],
    ...record,
  };
}

function ofPair(
  [a, b]: [string, string],
  { adapted, topology, links, network }: Snapshot,
  history: History,
  nowMs: number,
): Found | undefined {
  const key = pairKey(a, b);
  const isLink = (one: { a: string; b: string }) => pairKey(one.a, one.b) === key;
  const isRoute = (one: { from: string; to: string }) => pairKey(one.from, one.to) === key;
  if (topology.links.some(isLink))
    return { owner: 'user', text: `a statement asks for the link ${a} ${b}`, evidence: [] };
  if (topology.routes.some((route) => route.network === network && isRoute(route)))
    return { owner: 'user', text: `a statement gives the route of ${a} and ${b}`, evidence: [] };
  const matches = (action: AdaptAction) =>
    (action.kind === 'link' && action.sign === '+' && isLink(action.link)) ||
    (action.kind === 'route' && action.sign === '+' && isRoute(action.route));
  const last = lastOf(history, matches);
  if (adapted.links.some(isLink) || adapted.routes.some(isRoute)) {
    const what = adapted.links.some(isLink) ? `the link ${a} ${b}` : `the route of ${a} and ${b}`;
    if (last) return byRecord(last, `${what} was made`, history, nowMs, matches);
    return { owner: 'adapt', text: `${what} is adaptation's; why is no longer known`, evidence: [] };
  }
  if (links.some(isLink)) {
    const proxy = topology.hosts.find((host) => host.proxy)?.name;
    const text =
      a === proxy || b === proxy
        ? `the star: every host keeps a link to ${proxy}`
        : `a shape of the topology has the edge ${a} ${b}`;
    return { owner: a === proxy || b === proxy ? 'auto' : 'user', text, evidence: [] };
  }
  return undefined;
}

function lastOf(history: History, matches: (action: AdaptAction) => boolean): AdaptRecord | undefined {
  return history.records.find(({ actions }) => actions.some(matches));
}

const stands = ({ outcome }: AdaptRecord): boolean => outcome === 'applied' || outcome === 'kept';

/** Ages go on. */
function byRecord(
  record: AdaptRecord,
  what: string,
  history: History,
  nowMs: number,
  matches: (action: AdaptAction) => boolean,
): Found {
  const decided = history.decided.find((one) => one.record === record.id);
  const step: PlannedAction | undefined = decided?.actions.find(({ action }) => matches(action));
  const since = decided ? nowMs - decided.atMs : 0;
  const evidence = (step?.evidence ?? []).map((one): Evidence => ({ ...one, ageMs: one.ageMs + since }));
  const text = `${what} at ${record.at}: ${step?.why ?? record.reason}`;
  return { owner: 'adapt', text, record, evidence };
}
