/** Planes, ports and links of one conformance test, with a controller that answers misses as it is told. */
import {
  type Arrivals,
  DROP_REASONS,
  type FlowEntry,
  type FlowMiss,
  type FlowScope,
  type LinkType,
  type PlaneAction,
  type PlaneEvent,
  type PlaneLink,
  type PlaneNetwork,
  type PlaneSnapshot,
} from '../../core/index.js';
import type { BedPlane, BedPort, PlaneBed } from './bed.js';

export const A = 0x02_00_00_00_00_01;
export const B = 0x02_00_00_00_00_02;
export const C = 0x02_00_00_00_00_03;
export const ALL = 0xff_ff_ff_ff_ff_ff;
export const NETWORK = 7;
export const OTHER_NETWORK = 8;
export const MTU = 1500;
/** Of a couple: its one link and edge. */
export const EDGE = 50;
/** Of a triangle: links and edges. */
export const [DIRECT, STAR_A, STAR_B] = [60, 61, 62] as const;
export const FOR_EVER = 0xffffffff;

const KEEP_ALIVE_MS = 40;
const DEAD_AFTER_MS = 1000;
const BACKOFF_CAP_MS = 200;
const STEP_MS = 5;
const PATIENCE_MS = 5000;

const SEQUENCE_OFFSET = 14;
const TEST_ETHERTYPE = 0x88b5; // IEEE 802 local experimental

/** An Ethernet frame with a number in its payload. */
export function frame(source: number, destination: number, sequence = 0, length = 60): Buffer {
  const octets = Buffer.alloc(length);
  octets.writeUIntBE(destination, 0, 6);
  octets.writeUIntBE(source, 6, 6);
  octets.writeUInt16BE(TEST_ETHERTYPE, 12);
  octets.writeUInt32BE(sequence, SEQUENCE_OFFSET);
  return octets;
}

export function sequences(port: BedPort): number[] {
  return port.received.map((octets) => Buffer.from(octets).readUInt32BE(SEQUENCE_OFFSET));
}

export const toPort = (port: number): PlaneAction => ({ kind: 'port', port });
export const toEdge = (edge: number): PlaneAction => ({ kind: 'edge', edge });
export const toDrop = (reason: keyof typeof DROP_REASONS): PlaneAction => ({
  kind: 'drop',
  reason: DROP_REASONS[reason],
});

const ARRIVAL_COLUMNS = [
  'link',
  'run',
  'train',
  'trainPackets',
  'sequence',
  'sentNs',
  'arrivedNs',
  'bytes',
] as const;
export type ArrivalRow = Record<(typeof ARRIVAL_COLUMNS)[number], number>;

function rowsOf(arrivals: Arrivals): ArrivalRow[] {
  const row = (i: number) =>
    Object.fromEntries(ARRIVAL_COLUMNS.map((name) => [name, arrivals[name][i]])) as ArrivalRow;
  return Array.from({ length: arrivals.rows }, (_, i) => row(i));
}

/** A plane with its controller. */
export class Node {
  readonly bed: PlaneBed;
  readonly at: BedPlane;
  readonly misses: FlowMiss[] = [];
  readonly events: PlaneEvent[] = [];
  readonly arrivals: ArrivalRow[] = [];
  /** What to answer a miss with, for every epoch; undefined: nothing. */
  decide: (miss: FlowMiss) => PlaneAction[] | undefined = () => undefined;

  constructor(bed: PlaneBed, name: string) {
    this.bed = bed;
    this.at = bed.plane(name, {
      misses: (misses) => this.#answer(misses),
      events: (events) => void this.events.push(...events),
      arrivals: (arrivals) => void this.arrivals.push(...rowsOf(arrivals)),
    });
    this.network();
  }

  network(more: Partial<PlaneNetwork> = {}): void {
    this.at.plane.setNetwork({ network: NETWORK, mtu: MTU, epoch: 0, oldestEpoch: 0, ...more });
  }

  /** A port that admits anything, unless told otherwise. */
  port(port: number, more: { network?: number; guarded?: boolean; macs?: number[] } = {}): Promise<BedPort> {
    const config = { port, network: NETWORK, guarded: false, macs: [], ...more };
    return this.bed.openPort(this.at, config, `p${port}`);
  }

  install(
    miss: Partial<FlowEntry> & { actions: PlaneAction[] },
    generation = 0,
    invalidate: FlowScope[] = [],
  ): void {
    const key = { network: NETWORK, ground: 0 as const, ingress: 1, source: A, destination: B };
    const install = [{ ...key, fromEpoch: 0, toEpoch: FOR_EVER, ...miss }];
    this.at.plane.applyFlows({ generation, invalidate, install });
  }

  invalidate(scope: FlowScope, generation = 0): void {
    this.at.plane.applyFlows({ generation, invalidate: [scope], install: [] });
  }

  /** What was configured before holds for every frame sent after: a plane with threads of its own takes a moment. */
  async settled(): Promise<void> {
    await this.snapshot();
  }

  snapshot(): Promise<PlaneSnapshot> {
    return this.at.plane.snapshot();
  }

  async drops(reason: keyof typeof DROP_REASONS): Promise<number> {
    return (await this.snapshot()).drops[DROP_REASONS[reason]] ?? 0;
  }

  linkIsUp(link: number): boolean {
    const last = this.events.findLast((event) => event.kind === 'link' && event.link === link);
    return last?.kind === 'link' && last.up;
  }

  #answer(misses: FlowMiss[]): void {
    this.misses.push(...misses);
    const install = misses.flatMap(({ epoch: _, ...key }) => {
      const actions = this.decide({ ...key, epoch: _ });
      return actions ? [{ ...key, fromEpoch: 0, toEpoch: FOR_EVER, actions }] : [];
    });
    if (install.length > 0) this.at.plane.applyFlows({ generation: 0, invalidate: [], install });
  }
}

/** A link between two nodes; both call it, and its edge, by these numbers. */
export class Joint {
  readonly a: Node;
  readonly b: Node;
  readonly link: number;
  readonly #configs: { a: PlaneLink; b: PlaneLink };

  constructor(
    a: Node,
    b: Node,
    link: number,
    edge: number,
    type: LinkType = 'udp',
    secrets: [number, number] = [1, 1],
  ) {
    const shared = {
      link,
      edge,
      type,
      id: Uint8Array.from([0, 0, 0, 0, 0, 0, link, type === 'udp' ? 1 : 2]),
      keepAliveMs: KEEP_ALIVE_MS,
      deadAfterMs: DEAD_AFTER_MS,
      backoffCapMs: BACKOFF_CAP_MS,
    };
    const dial = { address: b.at.address, port: b.at.port };
    this.a = a;
    this.b = b;
    this.link = link;
    this.#configs = {
      a: { ...shared, secret: new Uint8Array(16).fill(secrets[0]), initiator: true, dial },
      b: { ...shared, secret: new Uint8Array(16).fill(secrets[1]), initiator: false },
    };
    b.at.plane.openLink(this.#configs.b);
    a.at.plane.openLink(this.#configs.a);
  }

  get up(): boolean {
    return this.a.linkIsUp(this.link) && this.b.linkIsUp(this.link);
  }

  /** The a side learns by silence, or is told. */
  cut(): void {
    const { bed } = this.a;
    if (bed.setPath) bed.setPath(this.a.at, this.b.at, false);
    else this.b.at.plane.closeLink(this.link);
  }

  restore(): void {
    const { bed } = this.a;
    if (bed.setPath) bed.setPath(this.a.at, this.b.at, true);
    else this.b.at.plane.openLink(this.#configs.b);
  }
}

/** Joined by one link, number and edge the same, up on return. */
export async function join(a: Node, b: Node, edge: number, type: LinkType = 'udp'): Promise<Joint> {
  const joint = new Joint(a, b, edge, edge, type);
  a.at.plane.setEdge(edge, [edge]);
  b.at.plane.setEdge(edge, [edge]);
  await until(a.bed, () => joint.up, `link ${edge} is up`);
  return joint;
}

/** a and b with a port each and one link; frames to B cross it. */
export async function couple(bed: PlaneBed, type: LinkType = 'udp') {
  const [a, b] = [new Node(bed, 'a'), new Node(bed, 'b')];
  const [near, far] = [await a.port(1), await b.port(2)];
  a.decide = ({ ground }) => (ground === 0 ? [toEdge(EDGE)] : [{ kind: 'drop', reason: 1 }]);
  b.decide = () => [toPort(2)];
  return { a, b, near, far, joint: await join(a, b, EDGE, type) };
}

/** The star under a direct link: a-b, and both to the Proxy. */
export async function triangle(bed: PlaneBed) {
  const [a, b, proxy] = [new Node(bed, 'a'), new Node(bed, 'b'), new Node(bed, 'proxy')];
  const [near, far] = [await a.port(1), await b.port(2)];
  const [direct, starA] = [await join(a, b, DIRECT), await join(a, proxy, STAR_A)];
  await join(b, proxy, STAR_B);
  a.decide = ({ ground }) => [toEdge(ground === 1 ? STAR_A : DIRECT)];
  proxy.decide = () => [toEdge(STAR_B)];
  b.decide = () => [toPort(2)];
  return { a, b, proxy, near, far, direct, starA };
}

/** Lets time pass until the condition holds; throws with what was waited for. */
export async function until(
  bed: PlaneBed,
  holds: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  for (let waitedMs = 0; waitedMs <= PATIENCE_MS; waitedMs += STEP_MS) {
    if (await holds()) return;
    await bed.pass(STEP_MS);
  }
  throw new Error(`after ${PATIENCE_MS} ms still not: ${what}`);
}
