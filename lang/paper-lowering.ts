/**
 * The paper's form lowered to a change. ADD and DELETE are taken in order: of one statement added and deleted in
 * one script the last word counts. Everything is in the default network; the first HOST is the Proxy.
 */
import type { IToken } from 'chevrotain';
import {
  type Change,
  DEFAULT_NETWORK,
  type DestinationMatcher,
  emptyChange,
  type Host,
  IDENTITY,
  type LinkStatement,
  type Network,
  type RuleAction,
  type RuleStatement,
  type SourceMatcher,
} from '../core/index.js';
import { type Diagnostics, type Span, spanOf } from './diagnostics.js';
import type { MatcherNode, PaperNode, PaperNodeOf } from './nodes.js';
import { PAPER, valueOf } from './tokens.js';
import { isEndpointPort, MAX_ENDPOINT_PORT, readMac, readWhole, UNREADABLE_PORT } from './values.js';
import {
  afterEnd,
  badEndpointPort,
  badMac,
  beginAgain,
  edgeElsewhere,
  hostContradicts,
  lateHost,
  noAction,
  noEnd,
  type Wording,
} from './wording.js';

export interface PaperOptions {
  /** The default network, with the settings it has where the script is going. */
  network: Network;
  /** The host that is the Proxy; default: the first HOST. */
  proxy: string | undefined;
}

export function lowerPaper(
  nodes: PaperNode[],
  file: string,
  diagnostics: Diagnostics,
  options: PaperOptions,
): Change {
  const lowering = new PaperLowering(file, diagnostics, options);
  for (const node of nodes) lowering.lower(node);
  return lowering.finish(nodes.at(-1)?.head);
}

class PaperLowering {
  readonly #change = emptyChange();
  readonly #links = new Tally<LinkStatement>(IDENTITY.links);
  readonly #rules = new Tally<RuleStatement>(IDENTITY.rules);
  readonly #hosts = new Map<string, Host>();
  #action: 'add' | 'delete' | undefined;
  #began = false;
  #ended = false;

  constructor(
    private readonly file: string,
    private readonly diagnostics: Diagnostics,
    private readonly options: PaperOptions,
  ) {}

  lower(node: PaperNode): void {
    if (this.#ended) return this.#report(node.head, afterEnd());
    if (node.kind === 'begin') {
      if (this.#began) this.#report(node.head, beginAgain());
      this.#began = true;
    } else if (node.kind === 'end') this.#ended = true;
    else if (node.kind === 'add' || node.kind === 'delete') this.#action = node.kind;
    else if (node.kind === 'host') this.#lowerHost(node);
    else if (this.#action === undefined) this.#report(node.head, noAction(node.head.image.toUpperCase()));
    else if (node.kind === 'link') this.#lowerLink(node, this.#action);
    else if (node.kind === 'forward') this.#lowerForward(node, this.#action);
  }

  finish(last: IToken | undefined): Change {
    if (!this.#ended && last) this.#report(last, noEnd());
    this.#change.add.networks.push(this.options.network);
    this.#change.add.links = this.#links.added;
    this.#change.remove.links = this.#links.removed;
    this.#change.add.rules = this.#rules.added;
    this.#change.remove.rules = this.#rules.removed;
    return this.#change;
  }

  #lowerHost(node: PaperNodeOf<'host'>): void {
    if (this.#action !== undefined) this.#report(node.head, lateHost());
    const name = node.machine.image;
    const port = readWhole(node.port.image) ?? UNREADABLE_PORT;
    if (!isEndpointPort(port)) this.#report(node.port, badEndpointPort(node.port.image, MAX_ENDPOINT_PORT));
    const endpoint = { address: name, port: isEndpointPort(port) ? port : UNREADABLE_PORT };
    const host: Host = { name, endpoint, user: valueOf(node.user) };
    const known = this.#hosts.get(name);
    if (known === undefined) this.#addHost(host, node);
    else if (known.user !== host.user || known.endpoint?.port !== endpoint.port) {
      this.#report(node.machine, hostContradicts(name));
    }
    const statement = {
      network: DEFAULT_NETWORK,
      host: name,
      port: packetPort(node.interface),
      role: 'lan' as const,
    };
    this.#change.add.ports.push(statement);
    this.#place(statement, { head: node.head, port: node.interface, host: node.machine });
  }

  #addHost(host: Host, node: PaperNodeOf<'host'>): void {
    const { proxy } = this.options;
    const isProxy = proxy === undefined ? this.#hosts.size === 0 : host.name === proxy;
    if (isProxy) host.proxy = true;
    this.#hosts.set(host.name, host);
    this.#change.add.hosts.push(host);
    this.#place(host, { head: node.head, name: node.machine, user: node.user, endpoint: node.port });
  }

  #lowerLink({ head, type, maker, a, b }: PaperNodeOf<'link'>, action: 'add' | 'delete'): void {
    const link: LinkStatement = {
      type: type.tokenType === PAPER.TCP ? 'tcp' : 'udp',
      madeBy: maker.image,
      a: a.image,
      b: b.image,
    };
    this.#place(link, { head, madeBy: maker, a, b });
    this.#links[action](link);
  }

  #lowerForward(node: PaperNodeOf<'forward'>, action: 'add' | 'delete'): void {
    const source = this.#matcher(node.source) as SourceMatcher | undefined;
    const destination = this.#matcher(node.destination);
    const ruleAction = this.#ruleAction(node);
    if (source === undefined || destination === undefined || ruleAction === undefined) return;
    const rule: RuleStatement = {
      network: DEFAULT_NETWORK,
      host: node.machine.image,
      source,
      destination,
      actions: [ruleAction],
    };
    const [a, b] = node.edge ?? [];
    const end = a?.image === node.machine.image ? b : a;
    this.#place(rule, { head: node.head, host: node.machine, 'action:0': end ?? node.interface });
    this.#rules[action](rule);
  }

  /** Hop start and hop end (Figure 2) name an edge of the daemon that has the rule; the neighbour is the other. */
  #ruleAction({ machine, edge, interface: name }: PaperNodeOf<'forward'>): RuleAction | undefined {
    if (edge === undefined) return name && { kind: 'port', port: packetPort(name) };
    const [a, b] = edge;
    if (a.image === machine.image) return { kind: 'edge', peer: b.image };
    if (b.image === machine.image) return { kind: 'edge', peer: a.image };
    this.#report(a, edgeElsewhere(machine.image, a.image, b.image));
    return undefined;
  }

  #matcher({ word, value }: MatcherNode): DestinationMatcher | undefined {
    if (value === undefined) return { kind: word?.tokenType === PAPER.NONE ? 'none' : 'any' };
    const mac = readMac(value.image);
    if (mac === undefined) this.#report(value, badMac(value.image));
    return mac && { kind: word === undefined ? 'exact' : 'not', mac };
  }

  #report(token: IToken, wording: Wording): void {
    this.diagnostics.add(spanOf(token, this.file), wording);
  }

  #place(statement: object, tokens: Record<string, IToken | undefined>): void {
    const places: Record<string, Span> = {};
    for (const [part, token] of Object.entries(tokens)) if (token) places[part] = spanOf(token, this.file);
    this.diagnostics.places.set(statement, places);
  }
}

const packetPort = (name: IToken): string => `packet:${valueOf(name)}`;

/** What is added and deleted so far, by identity. Equal additions are kept: the checker names them. */
class Tally<T> {
  readonly #added = new Map<string, T[]>();
  readonly #removed = new Map<string, T>();

  constructor(private readonly identity: (statement: T) => string) {}

  add(statement: T): void {
    const key = this.identity(statement);
    this.#removed.delete(key);
    this.#added.set(key, [...(this.#added.get(key) ?? []), statement]);
  }

  delete(statement: T): void {
    const key = this.identity(statement);
    this.#added.delete(key);
    this.#removed.set(key, statement);
  }

  get added(): T[] {
    return [...this.#added.values()].flat();
  }

  get removed(): T[] {
    return [...this.#removed.values()];
  }
}
