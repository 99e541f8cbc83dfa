/** The route a frame takes now: the daemons' own matching, over what each of them is known to run. */
import {
  type DROP_REASONS,
  type HostConfig,
  isGroup,
  type MacAddress,
  type RouteHop,
  type Rule,
} from '../core/index.js';
import { ForwardingTable, routeHops, type TableIngress } from '../vnetd/index.js';

/** Longer than any hop limit a header carries: a walk that gets here is a loop. */
const HOPS_MAX = 256;

type DropName = keyof typeof DROP_REASONS;

export interface TraceInput {
  network: number;
  source: MacAddress;
  destination: MacAddress;
  /** Where the frame enters. */
  host: string;
  port: string;
  /** What a host runs; undefined: not known. */
  configOf(host: string): HostConfig | undefined;
  /** An edge with at least one live link, as `host` sees it. */
  isLive(host: string, peer: string): boolean;
}

/** Hops depth first, and whether a port was reached. Linear in the hops and the rules of the hosts met. */
export function trace(input: TraceInput): { hops: RouteHop[]; delivered: boolean } {
  const walk = new Walk(input);
  const epoch = input.configOf(input.host)?.networks.find(({ id }) => id === input.network)?.epoch ?? 0;
  walk.at(input.host, { kind: 'port', port: input.port }, epoch, false);
  return { hops: walk.hops, delivered: walk.delivered };
}

class Walk {
  readonly hops: RouteHop[] = [];
  delivered = false;
  readonly #input: TraceInput;
  readonly #tables = new Map<string, ForwardingTable>();

  constructor(input: TraceInput) {
    this.#input = input;
  }

  at(host: string, ingress: TableIngress, epoch: number, arrivedGround: boolean): void {
    if (this.hops.length >= HOPS_MAX)
      return this.#drop(host, arrivedGround, 'hopLimit', 'the hop limit ends it: a loop');
    const config = this.#input.configOf(host);
    const network = config?.networks.find(({ id }) => id === this.#input.network);
    if (!config)
      return this.#drop(host, arrivedGround, 'unknownNetwork', `what ${host} runs is not known: it is away`);
    if (!network)
      return this.#drop(host, arrivedGround, 'unknownNetwork', `${host} does not carry the network`);
    const ground = arrivedGround || epoch < network.oldestEpoch || epoch > network.epoch + 1;
    const isCurrent = epoch >= network.oldestEpoch && epoch <= network.epoch + 1;
    this.#decide(host, config, ingress, isCurrent ? epoch : network.epoch, ground);
  }

  #decide(host: string, config: HostConfig, ingress: TableIngress, epoch: number, ground: boolean): void {
    const { network, source, destination } = this.#input;
    const decision = this.#tableOf(config).match({ network, ground, source, destination, epoch, ingress });
    for (const hop of routeHops(host, ground, decision)) {
      if (hop.verdict === 'edge' && !this.#input.isLive(host, hop.to)) {
        this.#deadEdge(hop, config, ingress, epoch);
        continue;
      }
      this.hops.push(hop);
      if (hop.verdict === 'ground') this.#decide(host, config, ingress, epoch, true);
      if (hop.verdict === 'port') this.delivered = true;
      if (hop.verdict === 'edge') this.at(hop.to, { kind: 'edge', peer: host }, epoch, ground);
    }
  }

  /** A unicast frame takes the ground from here; a group frame, or one on the ground already, ends. */
  #deadEdge(hop: RouteHop, config: HostConfig, ingress: TableIngress, epoch: number): void {
    const why = `${hop.why}; no link to ${hop.to} is up`;
    if (isGroup(this.#input.destination)) return this.#drop(hop.host, hop.ground, 'groupEdgeDead', why, hop);
    if (hop.ground) return this.#drop(hop.host, true, 'groundDead', why, hop);
    this.hops.push({ ...hop, verdict: 'ground', why: `${why}, so it goes to ground` });
    this.#decide(hop.host, config, ingress, epoch, true);
  }

  #drop(
    host: string,
    ground: boolean,
    to: DropName,
    why: string,
    at?: { rule?: Rule; others: Rule[] },
  ): void {
    const rule = at?.rule === undefined ? {} : { rule: at.rule };
    this.hops.push({ host, verdict: 'drop', to, ground, ...rule, why, others: at?.others ?? [] });
  }

  #tableOf(config: HostConfig): ForwardingTable {
    const known = this.#tables.get(config.host);
    if (known) return known;
    const table = new ForwardingTable();
    table.replaceAll(config.rules.filter(({ network }) => network === this.#input.network));
    this.#tables.set(config.host, table);
    return table;
  }
}
