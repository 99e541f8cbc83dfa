/**
 * The bound that knows that good hosts are few. A flow's worth is halved between its ends. A unit on a host can have, for its
 * k flows that leave, at most the k widest paths to different seats elsewhere (a host has as many seats as units fit), or a
 * seat beside it; and at most what the host's own edges give to k flows that share them:
 *
 *   k flows on an edge of width c have  k (c - sum b_i) <= sum over t < k of (c - 2 t b_min)  - sum b_i  left together.
 *
 * (Gilmore, J. SIAM 10, 1962; Lawler, Management Science 9, 1963, for quadratic assignment.) What units are worth on hosts is
 * then a transport problem, units to seats, whose Lagrangian dual over prices of hosts is a bound at any prices.
 * O(hosts^2 log hosts + units x hosts x steps); for many hosts a path's width is that of its first and last edge.
 */
import type { Instance } from '../model/instance.js';
import { flowValue, type Objective, type ObjectiveWeights, weightsOf } from '../model/objective.js';
import { isConcave } from './flow-bound.js';
import { edgeWidths, pathLevels } from './path-levels.js';
import { pricedTransport } from './transport.js';
import type { Units } from './units.js';

/** Up to so many hosts widths are those of paths: hosts^3. */
const PATH_HOSTS_MAX = 200;

export function seatBound(instance: Instance, objective: Objective, units: Units): number {
  const weights = weightsOf(objective);
  if (!isConcave(weights)) return Infinity;
  const seats = seatsOf(instance, units);
  const flows = flowsOf(instance, weights, units);
  const rooms = roomsOf(instance, seats, flows);
  const slope = weights.residual - weights.tightFit;
  const worth = units.domains.map((domain, unit) => {
    const { out, into, rest, inner } = flows.of[unit] as UnitFlows;
    const worth = new Float64Array(domain.length);
    domain.forEach((host, at) => {
      // Whoever sits beside it: seats but its own, and all flows of one neighbour with it.
      const beside = ((seats[host] as number) - 1) * flows.perNeighbour;
      const width = rooms.best(host, out.count, beside, true) + rooms.best(host, into.count, beside, false);
      const shared = slope * (width - out.demand - into.demand) + rest;
      worth[at] =
        shared / 2 + inner(rooms.local[host] as number) - weights.change * moved(instance, units, unit, host);
    });
    return worth;
  });
  return pricedTransport(worth, units.domains, seats);
}

/** As many as fit of the smallest. */
function seatsOf(instance: Instance, units: Units): Int32Array {
  const smallest = (needs: Float64Array) => Float64Array.from(needs).sort();
  const [cpus, memory] = [smallest(units.cpus), smallest(units.memory)];
  const fitting = (sorted: Float64Array, room: number) => {
    let [count, sum] = [0, 0];
    while (count < sorted.length && sum + (sorted[count] as number) <= room) sum += sorted[count++] as number;
    return count;
  };
  return Int32Array.from({ length: instance.hosts }, (_, host) => {
    const bytes = (instance.hostMemory[host] as number) * (1 + ROUNDING_SLACK) + ROUNDING_SLACK;
    const cores =
      instance.missingCpu < Infinity ? Infinity : (instance.hostCpus[host] as number) + ROUNDING_SLACK;
    return Math.min(fitting(memory, bytes), fitting(cpus, cores));
  });
}
/** More than sums of many needs are rounded by. */
const ROUNDING_SLACK = 1e-6;

interface UnitFlows {
  out: { count: number; demand: number };
  into: { count: number; demand: number };
  /** Of both, apart from room, at best. */
  rest: number;
  /** Of flows within the unit, by what its host has within. */
  inner(local: number): number;
}

interface AllFlows {
  of: UnitFlows[];
  /** The least demand. */
  least: number;
  /** Flows in one direction between two units, at most. */
  perNeighbour: number;
  most: number;
}

function flowsOf(instance: Instance, weights: ObjectiveWeights, units: Units): AllFlows {
  const slope = weights.residual - weights.tightFit;
  const made = Array.from({ length: units.count }, () => ({
    out: { count: 0, demand: 0 },
    into: { count: 0, demand: 0 },
    rest: 0,
    within: { count: 0, demand: 0, rest: 0 },
  }));
  const between = new Map<number, number>();
  let [least, perNeighbour, most] = [Infinity, 1, 0];
  for (let flow = 0; flow < instance.flows; flow++) {
    const a = units.of[instance.flowFrom[flow] as number] as number;
    const b = units.of[instance.flowTo[flow] as number] as number;
    const bits = instance.demand[flow] as number;
    const rest = flowValue(weights, bits, instance.latencyBound[flow] as number, 0, 0, 0);
    const [from, to] = [made[a], made[b]];
    if (!from || !to) continue;
    least = Math.min(least, bits);
    if (a === b) {
      from.within.count++;
      from.within.demand += bits;
      from.within.rest += rest;
      continue;
    }
    const count = (between.get(a * units.count + b) ?? 0) + 1;
    between.set(a * units.count + b, count);
    perNeighbour = Math.max(perNeighbour, count);
    most = Math.max(most, ++from.out.count, ++to.into.count);
    from.out.demand += bits;
    to.into.demand += bits;
    from.rest += rest;
    to.rest += rest;
  }
  const of = made.map(({ within, ...unit }) => ({
    ...unit,
    inner: (local: number) => slope * within.count * (local - within.demand) + within.rest,
  }));
  return { of, least: least === Infinity ? 0 : least, perNeighbour, most };
}

interface Rooms {
  local: Float64Array;
  /** Of so many flows that leave a host, or arrive, their widths together; `beside` of them at most within it. */
  best(host: number, flows: number, beside: number, leaving: boolean): number;
}

/** Sums of the k widest, for every k, host and direction; what has no path has width 0, more than it is worth. */
function roomsOf(instance: Instance, seats: Int32Array, { least, perNeighbour, most }: AllFlows): Rooms {
  const { hosts } = instance;
  const widths = edgeWidths(instance);
  const local = Float64Array.from({ length: hosts }, (_, host) => widths[host * (hosts + 1)] as number);
  const edges = widths.map((bits, edge) => {
    return edge % (hosts + 1) === 0 || !((instance.bandwidth[edge] as number) > 0) ? -Infinity : bits;
  });
  const paths = pathWidths(instance, edges);
  const sums = [true, false].map((leaving) =>
    Array.from({ length: hosts }, (_, host) => {
      const bySeat = widest(
        hosts,
        host,
        leaving,
        paths,
        (other) => (seats[other] as number) * perNeighbour,
        0,
        most,
      );
      const byEdge = widest(
        hosts,
        host,
        leaving,
        (edge) => edges[edge] as number,
        () => most,
        2 * least,
        most,
      );
      return bySeat.map((sum, k) => Math.min(sum, byEdge[k] as number));
    }),
  );
  const [leavingSums, arrivingSums] = sums as [Float64Array[], Float64Array[]];
  const best = (host: number, flows: number, beside: number, leaving: boolean): number => {
    const away = (leaving ? leavingSums : arrivingSums)[host] as Float64Array;
    let [sum, within] = [-Infinity, 0];
    for (let k = 0; k <= Math.min(flows, beside); k++) {
      sum = Math.max(sum, within + (away[flows - k] as number));
      within += (local[host] as number) - 2 * k * least;
    }
    return sum;
  };
  return { local, best };
}

function pathWidths(instance: Instance, edges: Float64Array): (pair: number) => number {
  const { hosts } = instance;
  if (hosts <= PATH_HOSTS_MAX) {
    const [level] = pathLevels(instance, { byLevel: false });
    const width = level?.width ?? edges;
    return (pair) => width[pair] as number;
  }
  const [out, into] = [new Float64Array(hosts), new Float64Array(hosts)];
  edges.forEach((bits, edge) => {
    const [from, to] = [Math.floor(edge / hosts), edge % hosts];
    out[from] = Math.max(out[from] as number, bits);
    into[to] = Math.max(into[to] as number, bits);
  });
  return (pair) => Math.min(out[Math.floor(pair / hosts)] as number, into[pair % hosts] as number);
}

/** Sums of the k largest, k = 0 .. most: each neighbour counts `times`, each time less by `loss`. */
function widest(
  hosts: number,
  host: number,
  leaving: boolean,
  width: (pair: number) => number,
  times: (other: number) => number,
  loss: number,
  most: number,
): Float64Array {
  const [widths, others] = [new Float64Array(most), new Int32Array(most)];
  let count = 0;
  for (let other = 0; other < hosts; other++) {
    if (other === host || times(other) === 0) continue;
    const bits = width(leaving ? host * hosts + other : other * hosts + host);
    if (!(bits > 0) || (count === most && bits <= (widths[most - 1] as number))) continue;
    let at = count < most ? count++ : most - 1;
    for (; at > 0 && (widths[at - 1] as number) < bits; at--) {
      widths[at] = widths[at - 1] as number;
      others[at] = others[at - 1] as number;
    }
    widths[at] = bits;
    others[at] = other;
  }
  const values: number[] = [];
  for (let i = 0; i < count; i++) {
    const [bits, repeats] = [widths[i] as number, Math.min(times(others[i] as number), most)];
    for (let t = 0; t < repeats && bits > t * loss; t++) values.push(bits - t * loss);
    if (loss === 0 && values.length >= most) break;
  }
  if (loss > 0) values.sort((a, b) => b - a);
  const sums = new Float64Array(most + 1);
  for (let k = 1; k <= most; k++) sums[k] = (sums[k - 1] as number) + (values[k - 1] ?? 0);
  return sums;
}

function moved({ presentHost, moveCost }: Instance, units: Units, unit: number, host: number): number {
  let cost = 0;
  for (const vm of units.members[unit] as Int32Array) {
    const before = presentHost[vm] as number;
    if (before >= 0 && before !== host) cost += moveCost[vm] as number;
  }
  return cost;
}
