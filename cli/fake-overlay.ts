/** For the tests: a small overlay (a Proxy, three hosts, one of them away) behind a ControlClient without a daemon. */
import {
  type AdaptPlan,
  type AdaptPlanRequest,
  type AdaptProgress,
  type AdaptReason,
  type AdaptRecord,
  type AdaptSettings,
  type AdaptView,
  applyChange,
  type ChangeRequest,
  type Change,
  type ControlClient,
  DEFAULT_ADAPT,
  DEFAULT_SIGHT,
  diffTopologies,
  type EchoOptions,
  type EchoResult,
  emptyTopology,
  type LinkView,
  type LocalView,
  type MacAddress,
  type MatrixView,
  type MoveRequest,
  type MoveResult,
  type MoveView,
  networkId,
  NOTHING_ADAPTED,
  type OverlayEvent,
  type OverlayView,
  type PlanStep,
  type PortView,
  type RouteView,
  type Rule,
  type SightParameters,
  type Topology,
  TOPOLOGY_LISTS,
  type TopologyView,
  type TrafficHistory,
  type UnderlayView,
  VM_CPUS,
  VM_MEMORY_BYTES,
  type VmCheck,
  type VmObstacle,
  type VmStatus,
  VnetError,
} from '../core/index.js';
import { printStatement } from '../lang/index.js';
import { fakeMatrix, fakeTopology, fakeUnderlay } from './fake-sight.js';

export const WEB = '02:00:00:00:00:01' as MacAddress;
export const DB = '02:00:00:00:00:02' as MacAddress;
export const STRANGER = '02:00:00:00:00:99' as MacAddress;
const LAB = networkId({ name: 'lab' });

export function labTopology(): Topology {
  return {
    ...emptyTopology(),
    networks: [{ name: 'lab' }],
    hosts: [
      { name: 'home', proxy: true, endpoint: { address: '10.0.0.1', port: 7700 } },
      { name: 'a', endpoint: { address: '10.0.1.1', port: 7700 } },
      { name: 'b', endpoint: { address: '10.0.2.1', port: 7700 } },
      { name: 'c' },
    ],
    vms: [
      { name: 'web', network: 'lab', host: 'a', macs: [WEB], port: 'tap:web0' },
      { name: 'db', network: 'lab', host: 'b', pinned: true, macs: [DB], port: 'packet:vnet7' },
    ],
    links: [{ type: 'udp', a: 'a', b: 'b' }],
    shapes: [{ kind: 'star', type: 'tcp', network: 'lab', hosts: [] }],
    routes: [{ network: 'lab', from: 'web', to: 'db', both: true, via: ['a', 'b'] }],
  };
}

const rule = (id: string, part: Pick<Rule, 'source' | 'destination' | 'actions' | 'origin'>): Rule => ({
  id,
  network: LAB,
  owner: part.origin === 'auto' ? 'auto' : 'user',
  fromEpoch: 0,
  ...part,
});
const ROUTE_RULE = rule('route-web-db', {
  source: { kind: 'exact', mac: WEB },
  destination: { kind: 'exact', mac: DB },
  actions: [{ kind: 'edge', peer: 'b' }],
  origin: 'route',
});
const STAR_RULE = rule('auto-db', {
  source: { kind: 'any' },
  destination: { kind: 'exact', mac: DB },
  actions: [{ kind: 'edge', peer: 'home' }],
  origin: 'auto',
});
const LOCAL_RULE = rule('auto-db-port', {
  source: { kind: 'any' },
  destination: { kind: 'exact', mac: DB },
  actions: [{ kind: 'port', port: 'packet:vnet7' }],
  origin: 'auto',
});

const link = (id: string, peer: string, part: Partial<LinkView>): LinkView => ({
  id,
  peer,
  type: 'tcp',
  owner: 'auto',
  up: true,
  state: 'up',
  preference: 1,
  rttUs: 20_300,
  datagramBytes: 0,
  arrived: 1200,
  lost: 0,
  late: 0,
  inFrames: 1200,
  inBytes: 1_500_000,
  outFrames: 1100,
  outBytes: 1_400_000,
  drops: 0,
  ...part,
});

const port = (name: string, mac: MacAddress, refused: MacAddress[] = []): PortView => ({
  port: name,
  network: 'lab',
  role: 'vm',
  owner: 'user',
  up: true,
  state: 'up',
  macs: [mac],
  refused,
  inFrames: 500,
  inBytes: 64_000,
  outFrames: 480,
  outBytes: 60_000,
  drops: 2,
});

function view(host: string, part: Partial<LocalView>): LocalView {
  return {
    host,
    version: '0.1.0',
    revision: 7,
    role: host === 'home' ? 'proxy' : 'host',
    uptimeMs: 11_520_000,
    residentBytes: 67_108_864,
    cpuShare: 0.02,
    eventLoopDelayP99Ms: 1.5,
    probes: { sentBytes: 0, receivedBytes: 0 },
    pairsReported: 2,
    updatesSkipped: 0,
    proxy: { name: 'home', connected: true, state: 'connected' },
    sealed: { links: false, control: false },
    networks: [{ id: LAB, name: 'lab', mtu: 1500, epoch: 4 }],
    interfaces: [{ name: 'eth0', mac: STRANGER, addresses: ['10.0.1.1/24'], up: true, usableAs: ['packet'] }],
    links: [],
    ports: [],
    rules: [],
    drops: {},
    flowEntries: 3,
    ...part,
  };
}

const DIRECT = { type: 'udp', owner: 'user', rttUs: 800, datagramBytes: 1472 } as const;

export class FakeOverlay implements ControlClient {
  topology = labTopology();
  revision = 7;
  boundMs = 500;
  proxyAway = false;
  daemonAway = false;
  closed = 0;
  emitted: OverlayEvent[] = [];
  requests: ChangeRequest[] = [];
  routes: Record<string, RouteView> = { 'web db': this.#direct('web'), 'db web': this.#direct('db') };
  views: Record<string, LocalView> = {
    home: view('home', {
      links: [link('1', 'a', {}), link('2', 'b', {}), link('3', 'c', { up: false, state: 'waiting for c' })],
    }),
    a: view('a', {
      links: [
        link('1', 'home', { remote: '10.0.0.1:7700' }),
        link('4', 'b', { ...DIRECT, remote: '10.0.2.1:7700' }),
      ],
      ports: [port('tap:web0', WEB, [STRANGER])],
      rules: [ROUTE_RULE, STAR_RULE],
      drops: { guard: 12, noMatch: 1 },
      reservations: [
        { kind: 'link', of: 'udp b', bitsPerSecond: 50e6, state: 'held', text: 'HTB on eth0' },
        { kind: 'cpu', of: 'web', sliceUs: 20_000, periodUs: 100_000, state: 'failed', text: 'no room' },
      ],
    }),
    b: view('b', {
      links: [link('2', 'home', {}), link('4', 'a', DIRECT)],
      ports: [port('packet:vnet7', DB)],
      rules: [LOCAL_RULE],
    }),
  };

  #direct(from: 'web' | 'db'): RouteView {
    const [here, there] = from === 'web' ? ['a', 'b'] : ['b', 'a'];
    const why = 'its source matches exactly, stronger than rule auto-db';
    const end = from === 'web' ? 'packet:vnet7' : 'tap:web0';
    return {
      network: 'lab',
      source: from === 'web' ? WEB : DB,
      destination: from === 'web' ? DB : WEB,
      delivered: true,
      hops: [
        { host: here, verdict: 'edge', to: there, ground: false, rule: ROUTE_RULE, why, others: [STAR_RULE] },
        {
          host: there,
          verdict: 'port',
          to: end,
          ground: false,
          rule: LOCAL_RULE,
          why: 'the only match',
          others: [],
        },
      ],
    };
  }

  #proxy(): void {
    this.#daemon();
    if (this.proxyAway) throw new VnetError('VNET_ERR_UNREACHABLE', 'the Proxy is away');
  }

  #daemon(): void {
    if (this.daemonAway)
      throw new VnetError('VNET_ERR_UNREACHABLE', 'no daemon answers on /run/vnet/vnetd.sock');
  }

  async local(): Promise<LocalView> {
    this.#daemon();
    return this.views['a'] as LocalView;
  }

  async hostView(host: string): Promise<LocalView> {
    this.#proxy();
    const found = this.views[host];
    if (!found) throw new VnetError('VNET_ERR_UNREACHABLE', `${host} is away`);
    return found;
  }

  async overview(): Promise<OverlayView> {
    this.#proxy();
    const since = '2026-01-02T03:04:05.678Z';
    return {
      revision: this.revision,
      topology: this.topology,
      hosts: this.topology.hosts.map(({ name, proxy }) => {
        const phase = name === 'c' ? 'away' : 'ready';
        return { name, proxy: proxy === true, phase, revision: this.revision, since };
      }),
      vms: [
        ...this.topology.vms.map((vm) => ({
          owner: 'user' as const,
          learnt: false,
          ...vm,
          pinned: vm.pinned === true,
        })),
        {
          name: STRANGER,
          network: 'lab',
          host: 'home',
          port: 'bridge:br0',
          macs: [STRANGER],
          owner: 'auto',
          pinned: false,
          learnt: true,
        },
      ],
      suspended: [{ from: 'web', to: 'cache', reason: 'cache moved to c' }],
      configurationTime: { boundMs: this.boundMs, measuredMs: 84 },
    };
  }

  #change(request: ChangeRequest): Change {
    if (request.kind === 'change')
      return diffTopologies(this.topology, applyChange(this.topology, request.change));
    return diffTopologies(this.topology, request.topology);
  }

  #steps(change: Change): PlanStep[] {
    const signed = (sign: '+' | '-', from: Topology, all: Topology): PlanStep[] =>
      TOPOLOGY_LISTS.flatMap((list) =>
        from[list].map((statement) => ({
          sign,
          kind: list.slice(0, -1) as PlanStep['kind'],
          text: printStatement(list, statement, all),
        })),
      );
    return [
      ...signed('-', change.remove, this.topology),
      ...signed('+', change.add, applyChange(this.topology, change)),
    ];
  }

  async plan(request: ChangeRequest) {
    this.#proxy();
    const change = this.#change(request);
    const steps = this.#steps(change);
    const effects =
      steps.length === 0
        ? []
        : [{ host: 'a', addLinks: 1, removeLinks: 0, addRules: 4, removeRules: 2, pending: false }];
    return { revision: this.revision, change, steps, effects };
  }

  async apply(request: ChangeRequest, progress?: Parameters<ControlClient['apply']>[1]) {
    this.#proxy();
    this.requests.push(request);
    const change = this.#change(request);
    const steps = this.#steps(change);
    progress?.({ phase: 'prepare', host: 'a', done: 1, total: 2 });
    if (steps.length > 0) this.revision++;
    this.topology = applyChange(this.topology, change);
    progress?.({ phase: 'done', done: 2, total: 2 });
    return { revision: this.revision, steps, tookMs: 8.4, pending: [] };
  }

  async route(from: string, to: string): Promise<RouteView> {
    this.#proxy();
    const name = (text: string): string => (text === WEB ? 'web' : text === DB ? 'db' : text);
    const found = this.routes[`${name(from)} ${name(to)}`];
    if (!found) throw new VnetError('VNET_ERR_NOT_FOUND', `no VM ${to}`);
    return found;
  }

  async setConfigurationTime(boundMs: number): Promise<void> {
    this.#proxy();
    this.boundMs = boundMs;
  }

  parameters: SightParameters = { ...DEFAULT_SIGHT };
  topologyView = fakeTopology([]);
  matrixView = fakeMatrix([]);
  underlayView = fakeUnderlay([]);
  /** Answers to `history`, one a call; then nothing more. */
  historyPages: TrafficHistory[] = [];
  /** Round trip of an echo, microseconds, by its number from 1; null: lost. */
  echoRttUs: (sequence: number, options: EchoOptions) => number | null = () => 800;
  echoError: VnetError | undefined;
  echoRequests: EchoOptions[] = [];
  #echoes = 0;

  async inferredTopology(): Promise<TopologyView> {
    this.#proxy();
    return this.topologyView;
  }

  async matrix(): Promise<MatrixView> {
    this.#proxy();
    return this.matrixView;
  }

  async history(after: number): Promise<TrafficHistory> {
    this.#proxy();
    return this.historyPages.shift() ?? { next: after, missed: 0, steps: [] };
  }

  async underlay(): Promise<UnderlayView> {
    this.#proxy();
    return this.underlayView;
  }

  async sight(): Promise<SightParameters> {
    this.#proxy();
    return this.parameters;
  }

  async setSight(parameters: Partial<SightParameters>): Promise<SightParameters> {
    this.#proxy();
    this.parameters = { ...this.parameters, ...parameters };
    return this.parameters;
  }

  async echo(_from: string, _to: string, options: EchoOptions): Promise<EchoResult> {
    this.#proxy();
    if (this.echoError) throw this.echoError;
    this.echoRequests.push(options);
    const rttUs = Array.from({ length: options.count }, () => this.echoRttUs(++this.#echoes, options));
    return { rttUs, hops: 1 };
  }

  adaptView: AdaptView = {
    settings: { ...DEFAULT_ADAPT },
    state: 'off',
    adapted: NOTHING_ADAPTED,
    plans: [],
    history: [],
  };
  adaptPlan: AdaptPlan | undefined;
  adaptReasons: Record<string, AdaptReason> = {};
  /** Each call about adaptation: its name and what it was given. */
  adaptCalls: unknown[][] = [];

  async adaptation(history?: number): Promise<AdaptView> {
    this.#proxy();
    this.adaptCalls.push(['adaptation', history]);
    return { ...this.adaptView, history: this.adaptView.history.slice(0, history ?? 20) };
  }

  async setAdaptation(settings: Partial<AdaptSettings>): Promise<AdaptSettings> {
    this.#proxy();
    this.adaptCalls.push(['setAdaptation', settings]);
    this.adaptView = { ...this.adaptView, settings: { ...this.adaptView.settings, ...settings } };
    return this.adaptView.settings;
  }

  async planAdaptation(request: AdaptPlanRequest = {}): Promise<AdaptPlan> {
    this.#proxy();
    this.adaptCalls.push(['planAdaptation', request]);
    if (!this.adaptPlan) throw new VnetError('VNET_ERR_UNSUPPORTED', 'nothing to plan by');
    return this.adaptPlan;
  }

  async applyAdaptation(plan: string, progress?: (step: AdaptProgress) => void): Promise<AdaptRecord> {
    this.#proxy();
    this.adaptCalls.push(['applyAdaptation', plan]);
    if (this.adaptPlan?.id !== plan) throw new VnetError('VNET_ERR_NOT_FOUND', `no plan ${plan}`);
    const { network, actions, gain } = this.adaptPlan;
    for (const [i, { why }] of actions.entries())
      progress?.({ step: 'link', done: i + 1, total: actions.length, text: why });
    const record: AdaptRecord = {
      id: plan,
      at: '2026-01-02T03:04:05.678Z',
      network,
      by: 'user',
      outcome: 'applied',
      reason: 'asked for',
      actions: actions.map(({ action }) => action),
      predictedGain: gain,
      tookMs: 12,
    };
    this.adaptView = { ...this.adaptView, history: [record, ...this.adaptView.history] };
    return record;
  }

  async whyAdapted(subject: string): Promise<AdaptReason> {
    this.#proxy();
    this.adaptCalls.push(['whyAdapted', subject]);
    const reason = this.adaptReasons[subject];
    if (!reason) throw new VnetError('VNET_ERR_NOT_FOUND', `nothing is called ${subject}`);
    return reason;
  }

  async clearAdaptation(): Promise<AdaptRecord | undefined> {
    this.#proxy();
    this.adaptCalls.push(['clearAdaptation']);
    this.adaptView = { ...this.adaptView, adapted: NOTHING_ADAPTED };
    return undefined;
  }

  /** What hosts say of VMs, beside the statement. */
  vmStates: Record<string, Partial<VmStatus>> = {};
  obstacles: VmObstacle[] = [];
  /** Each call about VMs: its name and what it was given. */
  vmCalls: unknown[][] = [];
  moveResult: Partial<MoveResult> = {};

  #vm(name: string): VmStatus {
    const vm = this.topology.vms.find((each) => each.name === name);
    if (!vm) throw new VnetError('VNET_ERR_NOT_FOUND', `no VM ${name}`);
    const { network, host, pinned = false, memoryBytes = VM_MEMORY_BYTES, cpus = VM_CPUS, machine } = vm;
    return {
      vm: name,
      network,
      host,
      pinned,
      memoryBytes,
      cpus,
      mayRunOn: machine ? [host] : [],
      ...(machine ? { driver: machine.driver, state: 'stopped' } : {}),
      ...this.vmStates[name],
    };
  }

  async vms(): Promise<VmStatus[]> {
    this.#proxy();
    return this.topology.vms.map(({ name }) => this.#vm(name));
  }

  async startVm(vm: string, options: Parameters<ControlClient['startVm']>[1] = {}): Promise<VmStatus> {
    this.#proxy();
    this.vmCalls.push(['startVm', vm, options]);
    const host = options.host ?? this.#vm(vm).host;
    this.vmStates[vm] = { ...this.vmStates[vm], host, state: 'running', mayRunOn: [host] };
    return this.#vm(vm);
  }

  async stopVm(vm: string, options: Parameters<ControlClient['stopVm']>[1] = {}): Promise<VmStatus> {
    this.#proxy();
    this.vmCalls.push(['stopVm', vm, options]);
    const { host } = this.#vm(vm);
    this.vmStates[vm] = { ...this.vmStates[vm], host, state: 'stopped', mayRunOn: [] };
    return this.#vm(vm);
  }

  async checkVm(vm: string, host: string): Promise<VmCheck> {
    this.#proxy();
    this.vmCalls.push(['checkVm', vm, host]);
    this.#vm(vm);
    return {
      vm,
      host,
      obstacles: this.obstacles,
      possible: !this.obstacles.some(({ blocking }) => blocking),
    };
  }

  #move(vm: string, to: string, progress?: (move: MoveView) => void): MoveResult {
    const { host: from } = this.#vm(vm);
    const view = { id: 'm1', vm, from, to, startedAt: '2026-01-02T03:04:05.678Z' };
    for (const phase of ['preparing', 'copying', 'switching', 'cleaning'] as const)
      progress?.({ ...view, phase });
    const result: MoveResult = {
      vm,
      from,
      to,
      outcome: 'moved',
      totalMs: 840,
      downtimeMs: 120,
      ...this.moveResult,
    };
    if (result.outcome === 'moved') this.vmStates[vm] = { ...this.vmStates[vm], host: to };
    return result;
  }

  async moveVms(request: MoveRequest, progress?: (move: MoveView) => void): Promise<MoveResult[]> {
    this.#proxy();
    this.vmCalls.push(['moveVms', request]);
    for (const { vm } of request.moves) this.#vm(vm);
    return request.moves.map(({ vm, host }) => this.#move(vm, host, progress));
  }

  async cancelMove(vm: string): Promise<void> {
    this.#proxy();
    this.vmCalls.push(['cancelMove', vm]);
    this.#vm(vm);
  }

  async drainHost(
    host: string,
    options?: Parameters<ControlClient['drainHost']>[1],
    progress?: (move: MoveView) => void,
  ): Promise<MoveResult[]> {
    this.#proxy();
    this.vmCalls.push(['drainHost', host, options]);
    const leaving = (await this.vms()).filter((each) => each.host === host && !each.pinned);
    const to = this.topology.hosts.find(({ name }) => name !== host)?.name ?? host;
    return leaving.map(({ vm }) => this.#move(vm, to, progress));
  }

  async *events(): AsyncIterable<OverlayEvent> {
    yield* this.emitted;
  }

  async shutdown(): Promise<void> {}

  close(): void {
    this.closed++;
  }
}
