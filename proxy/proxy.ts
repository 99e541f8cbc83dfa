/**
 * The Proxy's role: it holds the intent, knows where everybody is, and makes the daemons equal to what both mean.
 * No sockets of its own: it is asked as an `Authority` and acts through the `HostSession`s it is handed.
 */
import { randomBytes } from 'node:crypto';
import {
  type Authority,
  canonical,
  type ChangeProgress,
  type ChangeRequest,
  type ChangeResult,
  type Clock,
  type Endpoint,
  type HostReport,
  type HostSession,
  isEmptyChange,
  isMac,
  type LocalView,
  type MacAddress,
  networkId,
  type OverlayEvent,
  type OverlayView,
  parseMac,
  type Plan,
  type RouteView,
  type Store,
  VnetError,
} from '../core/index.js';
import { loadIntent } from './intent.js';
import { Learning } from './learning.js';
import type { Place } from './lowering/index.js';
import { Membership } from './membership.js';
import { type Log, Overlay, type SecretSource } from './overlay.js';
import { planEffects, propose, type Proposal } from './planning.js';
import {
  LEARNT_AGE_MS,
  LEARNT_PER_PORT_MAX,
  type RefusedSource,
  Registry,
  type RegistryState,
} from './registry.js';
import { trace } from './tracing.js';

/** The bound on configuration time while nobody has set one and nothing slower was measured, milliseconds. */
const DEFAULT_BOUND_MS = 1000;

export interface ProxyOptions {
  /** Of the host the Proxy runs on. */
  name: string;
  /** Where its data links are reached, for scripts that do not say. */
  endpoint?: Endpoint;
  store: Store;
  clock: Clock;
  /** Default: silent. */
  log?: Log;
  /** Octets for link identities and secrets. Default: the system's. */
  secret?: SecretSource;
  /** A learnt address not seen again is forgotten after this, milliseconds; default 300 000. */
  learntAgeMs?: number;
  /** Learnt addresses a port; default 4096. */
  learntPerPort?: number;
}

const SILENT: Log = { info() {}, warn() {}, error() {} };

/** Reads the store; a change that was not finished when the last process ended is completed or undone. */
export async function createProxy(options: ProxyOptions): Promise<Proxy> {
  const { store, clock, name, endpoint, log = SILENT, secret = randomBytes } = options;
  const { learntAgeMs = LEARNT_AGE_MS, learntPerPort = LEARNT_PER_PORT_MAX } = options;
  const { intent, unfinished } = await loadIntent(store);
  if (unfinished) {
    const outcome = unfinished.intent ? 'completed' : 'undone';
    log.warn({ hosts: unfinished.hosts }, `a change was under way when the Proxy stopped: it is ${outcome}`);
  }
  const state = (await store.read('registry')) as RegistryState | undefined;
  const registry = new Registry(clock, { learntAgeMs, learntPerPort }, state);
  const overlay = new Overlay({
    name,
    endpoint,
    store,
    clock,
    log,
    secret,
    intent,
    registry,
    uncertain: unfinished?.hosts ?? [],
  });
  return new Proxy(overlay, learntAgeMs);
}

export class Proxy implements Authority {
  readonly #overlay: Overlay;
  readonly #membership: Membership;
  readonly #learning: Learning;
  /** By `host peer`: the types of the links that are up there. */
  readonly #live = new Map<string, Set<string>>();

  /** Use `createProxy`. */
  constructor(overlay: Overlay, learntAgeMs: number) {
    this.#overlay = overlay;
    this.#membership = new Membership(overlay);
    this.#learning = new Learning(overlay, learntAgeMs);
  }

  /** A daemon is connected. Resolves when it runs its part; see `Membership.attach` for what rejects. */
  attach(session: HostSession, report: HostReport): Promise<void> {
    return this.#membership.attach(session, report);
  }

  /** Its control channel is closed. Its links may well stand. */
  detach(host: string): void {
    this.#membership.detach(host);
  }

  /** What a daemon saw. */
  reportEvent(host: string, event: OverlayEvent): void {
    if (event.kind === 'link') {
      const key = `${host} ${event.peer}`;
      const types = this.#live.get(key) ?? new Set();
      this.#live.set(key, types);
      if (event.up) types.add(event.type);
      else types.delete(event.type);
    }
    if (event.kind === 'source') this.#learning.source({ ...event, host });
    this.#overlay.publish(event);
  }

  onEvent(listener: (event: OverlayEvent) => void): () => void {
    return this.#overlay.onEvent(listener);
  }

  /** Sources that guarded ports refused and still would, newest first. */
  refused(): RefusedSource[] {
    return this.#overlay.registry.refused(this.#overlay.topology);
  }

  async overview(): Promise<OverlayView> {
    const { intent, topology, registry, members, suspended } = this.#overlay;
    const hosts = topology.hosts.map(({ name, proxy = false }) => {
      const revision = members.get(name)?.installed?.revision ?? 0;
      return { name, proxy, revision, ...this.#overlay.phaseOf(name) };
    });
    return {
      revision: intent.revision,
      topology: canonical(intent.topology),
      hosts: hosts.sort((a, b) => (a.name < b.name ? -1 : 1)),
      vms: registry.views(topology),
      suspended: [...suspended],
      configurationTime: {
        boundMs: intent.boundMs ?? Math.max(DEFAULT_BOUND_MS, intent.measuredMs),
        measuredMs: intent.measuredMs,
      },
    };
  }

  async plan(request: ChangeRequest): Promise<Plan> {
    const { intent, members } = this.#overlay;
    const proposal = propose(intent, request, this.#overlay.complete);
    const { change, steps } = proposal;
    if (isEmptyChange(change)) return { revision: intent.revision, change, steps, effects: [] };
    const unusable = this.#overlay.unusable();
    const before = this.#overlay.lower(intent.topology, unusable, this.#overlay.identities);
    const after = this.#lowerChecked(proposal, unusable);
    const effects = planEffects(before.configs, after.configs, (host) => !members.get(host)?.ready);
    return { revision: intent.revision, change, steps, effects };
  }

  apply(request: ChangeRequest, progress?: (progress: ChangeProgress) => void): Promise<ChangeResult> {
    return this.#overlay.enqueue(() => this.#apply(request, progress));
  }

  async #apply(request: ChangeRequest, progress?: (progress: ChangeProgress) => void): Promise<ChangeResult> {
    const { clock } = this.#overlay.options;
    const startedMs = clock.now();
    const proposal = propose(this.#overlay.intent, request, this.#overlay.complete);
    progress?.({ phase: 'validate', done: 1, total: 1 });
    this.#forgetHosts(request);
    let pending: string[] = [];
    if (!isEmptyChange(proposal.change)) {
      if (this.#overlay.suspended.length + this.#overlay.unusable().size > 0)
        this.#lowerChecked(proposal, new Set());
      pending = await this.#overlay.transition(proposal.topology, progress);
      this.#overlay.saveRegistrySoon();
      this.#overlay.emit({
        kind: 'change',
        revision: this.#overlay.intent.revision,
        steps: proposal.steps.length,
      });
    }
    const tookMs = clock.now() - startedMs;
    const { intent } = this.#overlay;
    this.#overlay.intent = { ...intent, measuredMs: Math.max(intent.measuredMs, tookMs) };
    progress?.({ phase: 'done', done: 1, total: 1 });
    return { revision: intent.revision, steps: proposal.steps, tookMs, pending };
  }

  /** Clashes show even where a route is suspended today. */
  #lowerChecked({ topology }: Proposal, unusable: ReadonlySet<string>) {
    return this.#overlay.lower(topology, unusable, this.#overlay.identities);
  }

  /** Removing a host that nobody named and that is away means forgetting it. */
  #forgetHosts(request: ChangeRequest): void {
    if (request.kind !== 'change') return;
    for (const { name } of request.change.remove.hosts) {
      if (!this.#overlay.registry.autoHosts.has(name) || this.#overlay.members.get(name)?.session) continue;
      this.#overlay.registry.removeHost(name);
      this.#overlay.reconcile();
    }
  }

  /** Where a VM is now, whoever moved it; paths follow as one change. Rejects for a pinned VM and unknown names. */
  placeVm(name: string, host: string): Promise<void> {
    return this.#overlay.enqueue(async () => {
      const { registry, topology } = this.#overlay;
      const vm = topology.vms.find((other) => other.name === name);
      if (!vm) throw new VnetError('VNET_ERR_NOT_FOUND', `no VM is called ${name}`);
      if (!topology.hosts.some((other) => other.name === host)) {
        throw new VnetError('VNET_ERR_NOT_FOUND', `no host is called ${host}`, {
          hint: 'see the hosts with "vnet status"',
        });
      }
      registry.place(vm, host);
      await this.#overlay.transition();
      await this.#overlay.saveRegistry();
    });
  }

  async route(from: string, to: string, network?: string): Promise<RouteView> {
    const { topology, registry, members } = this.#overlay;
    const places = registry
      .places(topology)
      .filter((place) => network === undefined || place.network === network);
    const [source, target] = [findPlace(places, from), findPlace(places, to)];
    if (!source) throw notFound(from, 'a frame starts at a VM, or at an address that was seen');
    const destination = target && !isMacText(to) ? target.macs[0] : isMacText(to) ? parseMac(to) : undefined;
    const mac = isMacText(from) ? parseMac(from) : source.macs[0];
    if (destination === undefined || mac === undefined) throw notFound(to, 'name a VM, or write an address');
    if (target && target.network !== source.network && !isMacText(to)) {
      throw new VnetError(
        'VNET_ERR_INVALID',
        `${from} is in network ${source.network}, ${to} in ${target.network}`,
      );
    }
    const id = networkId(
      topology.networks.find(({ name }) => name === source.network) ?? { name: source.network },
    );
    const { host, port } = source;
    const found = trace({
      network: id,
      source: mac,
      destination,
      host,
      port,
      configOf: (name) => members.get(name)?.installed,
      isLive: (name, peer) => (this.#live.get(`${name} ${peer}`)?.size ?? 0) > 0,
    });
    return { network: source.network, source: mac, destination, ...found };
  }

  async hostView(host: string): Promise<LocalView> {
    const member = this.#overlay.members.get(host);
    if (!member) {
      const known = [...this.#overlay.members.keys()].sort().join(', ');
      throw new VnetError('VNET_ERR_NOT_FOUND', `no host is called ${host}`, { hint: `there are: ${known}` });
    }
    if (!member.session) {
      throw new VnetError('VNET_ERR_UNREACHABLE', `host ${host} is ${this.#overlay.phaseOf(host).phase}`, {
        hint: 'start its daemon, or see its log for why it cannot connect',
      });
    }
    return member.session.view();
  }

  async setConfigurationTime(boundMs: number): Promise<void> {
    if (!Number.isFinite(boundMs) || boundMs <= 0) {
      throw new VnetError('VNET_ERR_INVALID', `the configuration time cannot be ${boundMs} milliseconds`, {
        hint: 'give a number above zero',
      });
    }
    await this.#overlay.enqueue(() => this.#overlay.write({ boundMs }));
  }

  /** Waits for the change under way and stores what is not stored yet. Idempotent; daemons go on by themselves. */
  async close(): Promise<void> {
    if (this.#overlay.closed) return;
    this.#learning.close();
    await this.#overlay.close();
  }
}

function isMacText(text: string): boolean {
  return isMac(text.toLowerCase().replaceAll('-', ':'));
}

function findPlace(places: readonly Place[], text: string): Place | undefined {
  const byName = places.find(({ name }) => name === text);
  if (byName || !isMacText(text)) return byName;
  const mac: MacAddress = parseMac(text);
  return places.find(({ macs }) => macs.includes(mac));
}

function notFound(text: string, hint: string): VnetError {
  return new VnetError('VNET_ERR_NOT_FOUND', `no VM or known address is called ${text}`, { hint });
}
