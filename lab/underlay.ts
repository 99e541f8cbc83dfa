/**
 * The network under the hosts: a core namespace that routes between them. Each host has a veth to it, host routes
 * at both ends and fixed neighbour entries, so nothing is ever resolved or learned.
 */

import { VnetError } from '../core/index.js';
import { coreAddress, type Family, parseSubnet } from './address.js';
import { batch, mustRun } from './command.js';
import {
  askEmulator,
  emulatorLines,
  hasNetem,
  LOOP_GATEWAY,
  makeLoops,
  netemLines,
  splitOnly,
  startEmulator,
} from './impair.js';
import {
  addressOf,
  coreNamespace,
  downlink,
  downlinkMac,
  families,
  FIRST_TABLE,
  namespaceOf,
  NETEM_LOOP,
  SPLIT_LOOP,
  uplinkMac,
  WHOLE_LOOP,
} from './layout.js';
import { needsImpairment, type PairPlan, planPairs, planShaping, type Way } from './plan.js';
import { emulatorProgram } from './tool.js';
import { shapingLines } from './shaping.js';
import { DEFAULT_MTU_BYTES, type LabSpec, UNDERLAY_INTERFACE } from './spec.js';
import { type LabState, startTicks } from './state.js';

/** What every namespace is set to before it has interfaces. Missing files (an older kernel) are passed over. */
const COMMON_SYSCTLS: Record<string, string> = {
  'ipv4/conf/all/rp_filter': '0',
  'ipv4/conf/default/rp_filter': '0',
  'ipv4/conf/all/send_redirects': '0',
  'ipv4/conf/default/send_redirects': '0',
  'ipv4/conf/all/accept_redirects': '0',
  'ipv6/conf/default/accept_dad': '0',
  'ipv6/conf/default/accept_ra': '0',
  // the usual one, so that figures compare between machines whatever their default is
  'ipv4/tcp_congestion_control': 'cubic',
};
const CORE_SYSCTLS = { ...COMMON_SYSCTLS, 'ipv4/ip_forward': '1', 'ipv6/conf/all/forwarding': '1' };

/** Writes sysctls under net/ in a namespace. */
export async function setSysctls(namespace: string, values: Record<string, string>): Promise<void> {
  const script = Object.entries(values).map(([key, value]) => `echo ${value} > /proc/sys/net/${key}`);
  await mustRun([
    'ip',
    'netns',
    'exec',
    namespace,
    'sh',
    '-c',
    `{ ${script.join('; ')}; } 2>/dev/null; true`,
  ]);
}

/** Settings for a namespace that is no router. */
export function setMachineSysctls(namespace: string): Promise<void> {
  return setSysctls(namespace, COMMON_SYSCTLS);
}

/** The u32 classifier takes 2047 hash tables a qdisc, and each filter with a preference of its own has one. */
const MAX_LOOP_FILTERS = 2000;

const bits = (family: Family) => (family === 4 ? 32 : 128);

function coreLines(lab: string, spec: LabSpec): string[] {
  const addresses = spec.underlays.map((text) => coreAddress(parseSubnet(text)));
  const lines = ['link set lo up', ...addresses.map((address) => `addr add ${address} dev lo`)];
  for (const [index, host] of spec.hosts.entries()) {
    const mtu = host.mtu ?? DEFAULT_MTU_BYTES;
    const link = downlink(index);
    lines.push(
      `link add ${link} mtu ${mtu} address ${downlinkMac(index)} type veth peer name ${UNDERLAY_INTERFACE}` +
        ` mtu ${mtu} address ${uplinkMac(index)} netns ${namespaceOf(lab, host.name)}`,
      `link set ${link} up`,
    );
    for (const family of families(spec)) {
      const address = addressOf(host, family);
      lines.push(
        `neigh replace ${address} lladdr ${uplinkMac(index)} dev ${link} nud permanent`,
        `route add ${address}/${bits(family)} dev ${link}`,
      );
    }
  }
  return lines;
}

function hostLines(spec: LabSpec, index: number): string[] {
  const lines = ['link set lo up', `link set ${UNDERLAY_INTERFACE} up`];
  for (const subnet of spec.underlays.map(parseSubnet)) {
    const address = addressOf(spec.hosts[index] ?? {}, subnet.family);
    const core = coreAddress(subnet);
    lines.push(
      `addr add ${address}/${bits(subnet.family)} dev ${UNDERLAY_INTERFACE}${subnet.family === 6 ? ' nodad' : ''}`,
      `neigh replace ${core} lladdr ${downlinkMac(index)} dev ${UNDERLAY_INTERFACE} nud permanent`,
      `route add ${core}/${bits(subnet.family)} dev ${UNDERLAY_INTERFACE}`,
      `route add default via ${core} dev ${UNDERLAY_INTERFACE} src ${address}`,
    );
  }
  return lines;
}

/** Wires the core and the hosts, whose namespaces exist, without any shaping or impairment. */
export async function wireUnderlay(lab: string, spec: LabSpec): Promise<void> {
  const core = coreNamespace(lab);
  const hosts = spec.hosts.map((host) => namespaceOf(lab, host.name));
  await Promise.all([setSysctls(core, CORE_SYSCTLS), ...hosts.map((host) => setMachineSysctls(host))]);
  await batch('ip', core, coreLines(lab, spec));
  const rules = spec.hosts.map(
    (_, i) => `rule add iif ${downlink(i)} lookup ${FIRST_TABLE + i} pref ${FIRST_TABLE + i}`,
  );
  await Promise.all([
    ...families(spec).map((family) => batch('ip', core, rules, family)),
    ...hosts.map((host, index) => batch('ip', host, hostLines(spec, index))),
  ]);
}

/** Routes of one pair in its source's table; a direct pair has none and is found in the main table. */
function routeLines(spec: LabSpec, plan: PairPlan, before: Way, family: Family): string[] {
  const target = `${addressOf(spec.hosts[plan.toIndex] ?? {}, family)}/${bits(family)}`;
  const table = `table ${FIRST_TABLE + plan.fromIndex}`;
  if (plan.way === 'cut') return [`route replace blackhole ${target} ${table}`];
  if (plan.way === 'direct') return before === 'direct' ? [] : [`route del ${target} ${table}`];
  const loop = plan.way === 'whole' ? WHOLE_LOOP.out : SPLIT_LOOP.out;
  return [`route replace ${target} via ${LOOP_GATEWAY[family]} dev ${loop} onlink ${table}`];
}

/** Where this process keeps a lab's files. */
export interface UnderlayFiles {
  socket: string;
  log: string;
}

/** Makes loops and starts the emulator, once, when the first path asks for it; the state records all of it. */
async function ensureImpairment(
  state: LabState,
  spec: LabSpec,
  files: UnderlayFiles,
  save: () => void,
): Promise<void> {
  if (state.impairment !== undefined || !needsImpairment(planPairs(spec, false).values())) return;
  const wanted = spec.impair ?? 'auto';
  const netem = wanted !== 'emulator' && (await hasNetem());
  if (wanted === 'netem' && !netem) {
    const hint = "say 'impair auto', or load the module: modprobe sch_netem";
    throw new VnetError('VNET_ERR_UNSUPPORTED', 'this kernel has no netem', { hint });
  }
  const kind = netem ? 'netem' : 'emulator';
  const core = coreNamespace(state.name);
  if (kind === 'emulator') await emulatorProgram(); // before anything is made
  await makeLoops(spec, core, kind);
  if (kind === 'emulator') {
    state.files.push(files.socket, files.log);
    save();
    const child = await startEmulator({ core, socket: files.socket, log: files.log, spec });
    const pid = child.pid ?? 0;
    state.processes.push({ pid, startTicks: startTicks(pid) ?? '', what: 'emulator' });
  }
  state.impairment = kind;
  save();
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/**
 * Brings rates, impairments and cuts from one spec (null: a bare underlay) to another with the same hosts. New
 * parameters are in force before a pair is led to them.
 */
export async function applyPaths(
  state: LabState,
  before: LabSpec | null,
  after: LabSpec,
  files: UnderlayFiles,
  save: () => void,
): Promise<void> {
  const bare = {
    ...after,
    paths: [],
    hosts: after.hosts.map(({ name, addresses = [] }) => ({ name, addresses })),
  };
  const hadLoops = state.impairment !== undefined;
  await ensureImpairment(state, after, files, save);
  const split = state.impairment !== undefined && splitOnly(state.impairment);
  const old = planPairs(before ?? bare, split);
  const plans = planPairs(after, split);
  const core = coreNamespace(state.name);
  checkFilters(plans, families(after).length, state.impairment === 'netem');

  const changed = [...plans].filter(([key, plan]) => !same(plan, old.get(key)));
  const impaired = changed.map(([, plan]) => plan).filter(({ way }) => way === 'whole' || way === 'split');
  await tellImpairment(state, after, impaired, files);

  await applyShaping(state.name, planShaping(before ?? bare, old), planShaping(after, plans), hadLoops);
  for (const family of families(after)) {
    const moved = changed.filter(([key, plan]) => plan.way !== old.get(key)?.way);
    const lines = moved.flatMap(([key, plan]) =>
      routeLines(after, plan, old.get(key)?.way ?? 'direct', family),
    );
    await batch('ip', core, lines, family);
  }
}

/** A loop has a filter a pair and family: with a rate of the pair's own, with netem for every impaired one. */
function checkFilters(plans: Map<string, PairPlan>, familyCount: number, netem: boolean): void {
  const impaired = [...plans.values()].filter(({ way }) => way === 'whole' || way === 'split');
  const filtered = netem ? impaired : impaired.filter(({ path }) => typeof path.ownRateBps === 'number');
  if (filtered.length * familyCount <= MAX_LOOP_FILTERS) return;
  const ways = `${filtered.length} ways with delay${netem ? '' : ' and a rate of their own'}`;
  throw new VnetError(
    'VNET_ERR_LIMIT',
    `${ways}; a lab takes ${Math.floor(MAX_LOOP_FILTERS / familyCount)}`,
    {
      hint: "give the rate to the hosts ('host a rate 100M') instead of to every pair",
    },
  );
}

async function tellImpairment(
  state: LabState,
  spec: LabSpec,
  plans: PairPlan[],
  files: UnderlayFiles,
): Promise<void> {
  if (plans.length === 0) return;
  if (state.impairment === 'emulator') {
    await askEmulator(files.socket, emulatorLines(spec, plans));
    return;
  }
  const core = coreNamespace(state.name);
  const classes = await mustRun(['tc', '-n', core, 'class', 'show', 'dev', NETEM_LOOP.out]);
  const known = new Set(
    [...classes.matchAll(/class htb 1:([0-9a-f]+)/g)].map((match) => Number.parseInt(match[1] ?? '', 16)),
  );
  await batch(
    'tc',
    core,
    netemLines(spec, plans, (minor) => known.has(minor)),
  );
}

type ShapingByDevice = ReturnType<typeof planShaping>;

async function applyShaping(
  lab: string,
  old: ShapingByDevice,
  now: ShapingByDevice,
  hadLoops: boolean,
): Promise<void> {
  const byNamespace = new Map<string, string[]>();
  for (const key of new Set([...old.keys(), ...now.keys()])) {
    const device = (now.get(key) ?? old.get(key))?.device;
    if (device === undefined) continue;
    const isLoop = device.host === null && (device.name === WHOLE_LOOP.out || device.name === SPLIT_LOOP.out);
    const before = isLoop && !hadLoops ? undefined : old.get(key)?.shaping;
    const lines = shapingLines(device.name, before, now.get(key)?.shaping);
    const namespace = device.host === null ? coreNamespace(lab) : namespaceOf(lab, device.host);
    byNamespace.set(namespace, [...(byNamespace.get(namespace) ?? []), ...lines]);
  }
  await Promise.all([...byNamespace].map(([namespace, lines]) => batch('tc', namespace, lines)));
}
