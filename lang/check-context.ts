/** What every check needs: the topology's names, its edges, and where to put what is found. */
import {
  type Change,
  DEFAULT_NETWORK,
  emptyTopology,
  type Host,
  IDENTITY,
  TOPOLOGY_LISTS,
  type Topology,
  type Vm,
} from '../core/index.js';
import { type Finding, MAX_DIAGNOSTICS } from './diagnostics.js';
import { nearest } from './did-you-mean.js';
import { Edges } from './edges.js';
import type { Form } from './tokens.js';
import { type NameKind, noEdge, unknownName, type Wording } from './wording.js';

export interface CheckOptions {
  /** Statements are missing because of other errors: do not blame what they may have declared. */
  partial?: boolean;
  /** Some values could not be read and are reported already: placeholders stand for them. */
  unread?: boolean;
  /** The form whose words hints use; default: modern. */
  form?: Form;
  suspects?: ReadonlySet<string>;
}

export class CheckContext {
  readonly findings: Finding[] = [];
  readonly hosts: ReadonlyMap<string, Host>;
  readonly vms: ReadonlyMap<string, Vm>;
  readonly networks: ReadonlySet<string>;
  readonly edges: Edges;

  constructor(
    readonly topology: Topology,
    readonly options: CheckOptions,
  ) {
    this.hosts = firstByName(topology.hosts);
    this.vms = firstByName(topology.vms);
    const networks = topology.networks.map((network) => network.name);
    this.networks = new Set(networks.length === 0 ? [DEFAULT_NETWORK] : networks);
    this.edges = new Edges(topology);
  }

  report(statement: object | undefined, part: string, wording: Wording, first?: object): void {
    this.findings.push({ statement, part, wording, ...(first === undefined ? {} : { first }) });
  }

  /** Hosts with ports of the network, those of VMs included: a VM without a word on its port has one of its own. */
  hostsWithPorts(network: string): Set<string> {
    const { ports, vms } = this.topology;
    return new Set([...ports, ...vms].filter((each) => each.network === network).map(({ host }) => host));
  }

  /** As `nearest`, while anybody will read it: beyond `MAX_DIAGNOSTICS` a search is in vain. */
  nearest(name: string, candidates: Iterable<string>): string | undefined {
    return this.findings.length < MAX_DIAGNOSTICS ? nearest(name, candidates) : undefined;
  }

  /** True when the name is known; reports it otherwise. */
  knows(kind: NameKind, name: string, statement: object, part: string): boolean {
    const names = kind === 'host' ? this.hosts : kind === 'VM' ? this.vms : this.networks;
    if (names.has(name)) return true;
    if (!this.options.suspects?.has(name)) {
      this.report(
        statement,
        part,
        unknownName(kind, name, this.nearest(name, names.keys()), this.options.form),
      );
    }
    return false;
  }

  /** Reports two neighbours of a path or rule that no link or shape joins. Both are known hosts. */
  needsEdge(a: string, b: string, statement: object, part: string): void {
    if (this.options.partial || this.edges.incomplete || this.edges.has(a, b)) return;
    this.report(statement, part, noEdge(a, b, this.options.form));
  }
}

function firstByName<T extends { name: string }>(statements: T[]): Map<string, T> {
  const byName = new Map<string, T>();
  for (const statement of statements) if (!byName.has(statement.name)) byName.set(statement.name, statement);
  return byName;
}

/** Reports the second and later statements of one identity. */
export function checkUnique<T extends object>(
  context: CheckContext,
  statements: T[],
  identity: (statement: T) => string,
  wording: (statement: T) => Wording,
  part = 'head',
): void {
  const seen = new Map<string, T>();
  for (const statement of statements) {
    const first = seen.get(identity(statement));
    if (first === undefined) seen.set(identity(statement), statement);
    else context.report(statement, part, wording(statement), first);
  }
}

/** What a topology will be after the change, statements of the change kept as the same objects. */
export function afterChange(running: Topology, change: Change): Topology {
  const result = emptyTopology() as Record<keyof Topology, object[]>;
  for (const list of TOPOLOGY_LISTS) {
    const identity = IDENTITY[list] as (statement: object) => string;
    const touched = new Set([...change.add[list], ...change.remove[list]].map(identity));
    const kept = (running[list] as object[]).filter((statement) => !touched.has(identity(statement)));
    result[list] = [...kept, ...change.add[list]];
  }
  return result as unknown as Topology;
}
