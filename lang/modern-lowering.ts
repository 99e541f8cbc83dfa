/** Statements of the modern form lowered to a `Topology`, with the place of every part. */
import type { IToken } from 'chevrotain';
import {
  type Constraint,
  type DestinationMatcher,
  emptyTopology,
  type Host,
  type LinkType,
  type Network,
  type PortRole,
  type RuleAction,
  type RuleStatement,
  type Shape,
  type ShapeKind,
  type SourceMatcher,
  type Topology,
  type Vm,
} from '../core/index.js';
import { type Diagnostics, type Span, spanOf } from './diagnostics.js';
import { nearest } from './did-you-mean.js';
import { readMachine } from './machine.js';
import type { Attribute, MatcherNode, ModernNode, NodeOf } from './nodes.js';
import { BothWays, MODERN, valueOf } from './tokens.js';
import {
  readDurationUs,
  readEndpoint,
  readMac,
  readPositive,
  readRate,
  readSize,
  readWhole,
  UNREADABLE,
} from './values.js';
import { badMac, badNumber, saidTwice, unknownName } from './wording.js';

/** A statement, the file it stands in and the network it is in when it names none. */
export interface Unit {
  node: ModernNode;
  file: string;
  network: string;
}

/** Lowers all statements; what cannot be read is reported and left out of its statement. */
export function lowerModern(units: Unit[], diagnostics: Diagnostics): Topology {
  const lowering = new ModernLowering(diagnostics);
  // VM names in rules stand for addresses, wherever the VM is declared.
  const isRule = ({ node }: Unit): boolean => node.kind === 'rule';
  for (const unit of units) if (!isRule(unit)) lowering.lower(unit);
  for (const unit of units) if (isRule(unit)) lowering.lower(unit);
  return lowering.topology;
}

class ModernLowering {
  readonly topology = emptyTopology();
  readonly #vms = new Map<string, Vm>();
  #file = '';
  #network = '';

  constructor(private readonly diagnostics: Diagnostics) {}

  lower({ node, file, network }: Unit): void {
    this.#file = file;
    this.#network = network;
    if (node.kind === 'network') this.#lowerNetwork(node);
    else if (node.kind === 'host') this.#lowerHost(node);
    else if (node.kind === 'vm') this.#lowerVm(node);
    else if (node.kind === 'port') this.#lowerPort(node);
    else if (node.kind === 'link') this.#lowerLink(node);
    else if (node.kind === 'shape') this.#lowerShape(node);
    else if (node.kind === 'route') this.#lowerRoute(node);
    else if (node.kind === 'rule') this.#lowerRule(node);
    else if (node.kind === 'reserve-link') this.#lowerLinkReservation(node);
    else if (node.kind === 'reserve-cpu') this.#lowerCpuReservation(node);
    else if (node.kind === 'keep') this.#lowerKeep(node);
  }

  #lowerNetwork(node: NodeOf<'network'>): void {
    const { id, mtu } = this.#attributes(node.attributes);
    const network: Network = { name: node.name.image };
    const readNumber = (token: IToken): number | undefined =>
      this.#read(token, readWhole(token.image), 'a whole number', '1500');
    const [idValue, mtuValue] = [id?.[0] && readNumber(id[0]), mtu?.[0] && readNumber(mtu[0])];
    if (idValue !== undefined) network.id = idValue;
    if (mtuValue !== undefined) network.mtu = mtuValue;
    this.topology.networks.push(network);
    this.#place(network, { head: node.head, name: node.name, id: id?.[0], mtu: mtu?.[0] });
  }

  #lowerHost(node: NodeOf<'host'>): void {
    const isProxy = node.head.tokenType === MODERN.proxy;
    const host: Host = { name: node.name.image, ...(isProxy ? { proxy: true } : {}) };
    const lans = node.attributes.filter(({ word }) => word.tokenType === MODERN.lan);
    const own = node.attributes.filter((attribute) => !lans.includes(attribute));
    const { at, user, memory, cpu } = this.#attributes(own);
    const endpoint = at?.[0] && readEndpoint(at[0].image);
    if (at?.[0] && endpoint !== undefined) {
      if ('address' in endpoint) host.endpoint = endpoint;
      else this.diagnostics.add(this.#span(at[0]), endpoint);
    }
    if (user?.[0]) host.user = valueOf(user[0]);
    Object.assign(host, this.#size(memory?.[0], cpu?.[0]));
    this.topology.hosts.push(host);
    this.#place(host, { head: node.head, name: node.name, endpoint: at?.[0], user: user?.[0] });
    for (const { word, values } of lans) {
      const [spec] = values;
      if (spec === undefined) continue;
      const port = { network: this.#network, host: host.name, port: valueOf(spec), role: 'lan' as const };
      this.topology.ports.push(port);
      this.#place(port, { head: word, port: spec, host: node.name });
    }
  }

  #lowerVm(node: NodeOf<'vm'>): void {
    const attributes = this.#attributes(node.attributes);
    const { mac: macs = [], port, memory, cpu, among, in: network } = attributes;
    const vm: Vm = {
      name: node.name.image,
      network: network?.[0]?.image ?? this.#network,
      host: node.host.image,
      ...(node.pinned ? { pinned: true } : {}),
      macs: [],
    };
    const places: Record<string, IToken | undefined> = { head: node.head, name: node.name, host: node.host };
    for (const token of macs) {
      const mac = this.#mac(token);
      if (mac === undefined) continue;
      places[`mac:${vm.macs.length}`] = token;
      vm.macs.push(mac);
    }
    if (port?.[0]) vm.port = valueOf(port[0]);
    Object.assign(vm, this.#size(memory?.[0], cpu?.[0]));
    if (among) vm.among = among.map((host) => host.image);
    for (const [index, host] of among?.entries() ?? []) places[`among:${index}`] = host;
    const machine = readMachine(attributes, (token, wording) =>
      this.diagnostics.add(this.#span(token), wording),
    );
    if (machine !== undefined) vm.machine = machine;
    this.topology.vms.push(vm);
    if (!this.#vms.has(vm.name)) this.#vms.set(vm.name, vm);
    // A VM whose only address cannot be read is not one without an address.
    if (vm.macs.length === 0 && macs.length > 0) vm.macs.push(UNREADABLE);
    this.#place(vm, { ...places, port: port?.[0], run: attributes['run']?.[0], network: network?.[0] });
  }

  #size(memory: IToken | undefined, cpu: IToken | undefined): Pick<Vm, 'memoryBytes' | 'cpus'> {
    const memoryBytes = memory && this.#read(memory, readSize(memory.image), 'a size', '512M or 2G');
    const cpus = cpu && this.#read(cpu, readPositive(cpu.image), 'a number of CPUs', '2 or 0.5');
    return { ...(memoryBytes === undefined ? {} : { memoryBytes }), ...(cpus === undefined ? {} : { cpus }) };
  }

  #lowerPort(node: NodeOf<'port'>): void {
    const role = node.role.image as PortRole;
    const port = { network: this.#scope(node), host: node.host.image, port: valueOf(node.port), role };
    this.topology.ports.push(port);
    this.#place(port, { head: node.head, port: node.port, host: node.host, network: node.network });
  }

  #lowerLink({ head, type, a, b, by }: NodeOf<'link'>): void {
    const link = {
      type: type.image as LinkType,
      ...(by === undefined ? {} : { madeBy: by.image }),
      a: a.image,
      b: b.image,
    };
    this.topology.links.push(link);
    this.#place(link, { head, a, b, madeBy: by });
  }

  #lowerShape(node: NodeOf<'shape'>): void {
    const kind = node.head.image as ShapeKind;
    const shape: Shape = {
      kind,
      type: (node.type?.image as LinkType | undefined) ?? (kind === 'star' ? 'tcp' : 'udp'),
      network: this.#scope(node),
      hosts: node.hosts.map((host) => host.image),
    };
    if (node.dimensions) {
      shape.dimensions = node.dimensions.image.split('x').map(Number);
    }
    this.topology.shapes.push(shape);
    const hosts = Object.fromEntries(node.hosts.map((host, index) => [`host:${index}`, host]));
    this.#place(shape, { head: node.head, dimensions: node.dimensions, network: node.network, ...hosts });
  }

  #lowerRoute(node: NodeOf<'route'>): void {
    const route = {
      network: this.#scope(node),
      from: node.from.image,
      to: node.to.image,
      both: node.arrow.tokenType === BothWays,
      via: node.via.map((host) => host.image),
    };
    this.topology.routes.push(route);
    const hops = Object.fromEntries(node.via.map((host, index) => [`via:${index}`, host]));
    this.#place(route, { head: node.head, from: node.from, to: node.to, network: node.network, ...hops });
  }

  #lowerRule(node: NodeOf<'rule'>): void {
    const source = this.#matcher(node.source) as SourceMatcher | undefined;
    const destination = this.#matcher(node.destination);
    if (source === undefined || destination === undefined) return;
    const actions = node.actions.map(({ word, value }): RuleAction => {
      if (value === undefined) return { kind: 'drop' };
      if (word.tokenType === MODERN.edge) return { kind: 'edge', peer: value.image };
      return { kind: 'port', port: valueOf(value) };
    });
    const rule: RuleStatement = {
      network: this.#scope(node),
      host: node.host.image,
      source,
      destination,
      actions,
    };
    this.topology.rules.push(rule);
    const places = Object.fromEntries(
      node.actions.map((action, i) => [`action:${i}`, action.value ?? action.word]),
    );
    this.#place(rule, { head: node.head, host: node.host, network: node.network, ...places });
  }

  /** `<->` is two reservations, one a direction. */
  #lowerLinkReservation({ head, type, from, arrow, to, rate }: NodeOf<'reserve-link'>): void {
    const bitsPerSecond = this.#read(rate, readRate(rate.image), 'a rate', '50M or 1.5G');
    if (bitsPerSecond === undefined) return;
    const both = arrow.tokenType === BothWays;
    for (const [a, b] of both ? [[from, to] as const, [to, from] as const] : [[from, to] as const]) {
      const reservation = { type: type.image as LinkType, from: a.image, to: b.image, bitsPerSecond };
      this.topology.linkReservations.push(reservation);
      this.#place(reservation, { head, from: a, to: b, rate });
    }
  }

  #lowerCpuReservation({ head, vm, slice, period }: NodeOf<'reserve-cpu'>): void {
    const sliceUs = this.#duration(slice);
    const periodUs = this.#duration(period);
    if (sliceUs === undefined || periodUs === undefined) return;
    const reservation = { vm: vm.image, periodUs, sliceUs };
    this.topology.cpuReservations.push(reservation);
    this.#place(reservation, { head, vm, slice, period });
  }

  #lowerKeep({ head, word, vms: tokens, latency }: NodeOf<'keep'>): void {
    const vms = tokens.map(({ image }) => image);
    const maxLatencyUs = latency && this.#duration(latency);
    if (latency !== undefined && maxLatencyUs === undefined) return;
    const constraint: Constraint =
      maxLatencyUs === undefined
        ? { kind: word?.image as 'apart' | 'together', vms }
        : { kind: 'within', vms, maxLatencyUs };
    this.topology.constraints.push(constraint);
    const places = Object.fromEntries(tokens.map((token, index) => [`vm:${index}`, token]));
    this.#place(constraint, { head, latency, ...places });
  }

  #duration(token: IToken): number | undefined {
    return this.#read(token, readDurationUs(token.image), 'a time', '20ms or 500us');
  }

  #matcher({ word, value }: MatcherNode): DestinationMatcher | undefined {
    if (value === undefined) return { kind: word?.image as 'any' | 'none' | 'group' };
    const mac = value.image.includes(':') || readMac(value.image) ? this.#mac(value) : this.#vmMac(value);
    if (mac === undefined) return undefined;
    return { kind: word === undefined ? 'exact' : 'not', mac };
  }

  #vmMac(name: IToken): Vm['macs'][number] | undefined {
    const vm = this.#vms.get(name.image);
    if (vm === undefined) {
      this.diagnostics.add(
        this.#span(name),
        unknownName(
          'VM',
          name.image,
          this.diagnostics.isFull ? undefined : nearest(name.image, this.#vms.keys()),
        ),
      );
    }
    return vm?.macs[0];
  }

  #mac(token: IToken): Vm['macs'][number] | undefined {
    const mac = readMac(token.image);
    if (mac === undefined) this.diagnostics.add(this.#span(token), badMac(token.image));
    return mac;
  }

  /** The values by their word; a word said twice is reported and its first values stay. */
  #attributes(attributes: Attribute[]): Partial<Record<string, IToken[]>> {
    const byWord: Partial<Record<string, IToken[]>> = {};
    for (const { word, values } of attributes) {
      if (byWord[word.image] === undefined) byWord[word.image] = values;
      else this.diagnostics.add(this.#span(word), saidTwice(word.image));
    }
    return byWord;
  }

  #read<T>(token: IToken, value: T | undefined, what: string, example: string): T | undefined {
    if (value === undefined) this.diagnostics.add(this.#span(token), badNumber(token.image, what, example));
    return value;
  }

  #scope(node: { network?: IToken }): string {
    return node.network?.image ?? this.#network;
  }

  #span(token: IToken): Span {
    return spanOf(token, this.#file);
  }

  #place(statement: object, tokens: Record<string, IToken | undefined>): void {
    const places: Record<string, Span> = {};
    for (const [part, token] of Object.entries(tokens)) if (token) places[part] = this.#span(token);
    this.diagnostics.places.set(statement, places);
  }
}
