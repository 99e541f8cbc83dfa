/**
 * The bound for any size. A flow's worth is halved between its ends; an end takes, for each of its flows, half of what the
 * flow could have at best: within one host, or out of the best host's widest edge. Within a host only so many neighbours
 * find room (a knapsack, fractions allowed), and they share what the host has:
 *
 *   k flows within one host that ask for d_1 .. d_k of its L have  k (L - sum d_i) = sum of (L - k d_i)  together,
 *
 * so at a given k the best are those with the largest (L - k d_i) less what they would have outside. The sum of the ends'
 * best is a bound, since each end may choose as suits it alone.
 * O(hosts^2 + units x hosts + flows x degree).
 */
import type { Instance } from '../model/instance.js';
import { ROUNDING, withoutPath } from '../model/evaluate.js';
import { flowValue, type Objective, type ObjectiveWeights, weightsOf } from '../model/objective.js';
import { isConcave } from './flow-bound.js';
import { edgeWidths } from './path-levels.js';
import { apartUnits, type Units } from './units.js';

/** Flows between a unit and one neighbour, both directions. */
interface Neighbour {
  flows: Worth[];
  /** False: never on one host. */
  together: boolean;
  cpus: number;
  memory: number;
}

/** What a flow can be worth at best. */
interface Worth {
  demand: number;
  outside: number;
  /** Within a host that it has for itself. */
  alone: number;
  /** The same with its own demand not yet taken off: the k flows' demands are, k times. */
  shared: number;
}

/** Steps by which k grows where there are many: the loss is of the step's begin, the room of its end. */
const K_STEP = 1.1;

export function starBound(instance: Instance, objective: Objective, units: Units): number {
  const weights = weightsOf(objective);
  const places = bestPlaces(instance, units);
  const neighbours = neighboursOf(instance, weights, units, places);
  const slope = isConcave(weights) ? weights.residual - weights.tightFit : 0;
  let sum = 0;
  for (let unit = 0; unit < units.count; unit++) {
    const cpus = (places.cpus[unit] as number) - (units.cpus[unit] as number);
    const memory = (places.memory[unit] as number) - (units.memory[unit] as number);
    sum += bestOfStar(neighbours.ends[unit] as Neighbour[], slope, cpus, memory) / 2;
  }
  return sum + neighbours.within;
}

/** By unit: the best of all hosts it may be on, each quantity for itself. */
interface Places {
  out: Float64Array;
  in: Float64Array;
  outUs: Float64Array;
  inUs: Float64Array;
  local: Float64Array;
  cpus: Float64Array;
  memory: Float64Array;
}

function bestPlaces(instance: Instance, units: Units): Places {
  const { hosts, latency, bandwidth } = instance;
  const widths = edgeWidths(instance);
  const host = {
    out: new Float64Array(hosts).fill(-Infinity),
    in: new Float64Array(hosts).fill(-Infinity),
    outUs: new Float64Array(hosts).fill(Infinity),
    inUs: new Float64Array(hosts).fill(Infinity),
    local: Float64Array.from({ length: hosts }, (_, at) => widths[at * (hosts + 1)] as number),
    cpus: instance.missingCpu < Infinity ? new Float64Array(hosts).fill(Infinity) : instance.hostCpus,
    memory: instance.hostMemory,
  };
  for (let from = 0; from < hosts; from++) {
    for (let to = 0; to < hosts; to++) {
      const edge = from * hosts + to;
      if (from === to || !((bandwidth[edge] as number) > 0)) continue;
      const [bits, us] = [widths[edge] as number, latency[edge] as number];
      if (bits > (host.out[from] as number)) host.out[from] = bits;
      if (bits > (host.in[to] as number)) host.in[to] = bits;
      if (us < (host.outUs[from] as number)) host.outUs[from] = us;
      if (us < (host.inUs[to] as number)) host.inUs[to] = us;
    }
  }
  const best = (of: Float64Array, least: boolean) =>
    Float64Array.from(units.domains, (domain) => {
      let value = least ? Infinity : -Infinity;
      for (const at of domain) {
        const here = of[at] as number;
        if (least ? here < value : here > value) value = here;
      }
      return value;
    });
  return {
    out: best(host.out, false),
    in: best(host.in, false),
    outUs: best(host.outUs, true),
    inUs: best(host.inUs, true),
    local: best(host.local, false),
    cpus: best(host.cpus, false),
    memory: best(host.memory, false),
  };
}

interface Ends {
  ends: Neighbour[][];
  /** Flows within a unit. */
  within: number;
}

function neighboursOf(instance: Instance, weights: ObjectiveWeights, units: Units, places: Places): Ends {
  const apart = apartUnits(instance, units);
  const found: Map<number, Neighbour>[] = Array.from({ length: units.count }, () => new Map());
  let within = 0;
  for (let flow = 0; flow < instance.flows; flow++) {
    const a = units.of[instance.flowFrom[flow] as number] as number;
    const b = units.of[instance.flowTo[flow] as number] as number;
    const worth = worthOf(instance, weights, places, flow, a, b);
    if (a === b) {
      within += worth.alone;
      continue;
    }
    const together = !apart.has(a * units.count + b);
    addTo(found[a] as Map<number, Neighbour>, units, b, together, worth);
    addTo(found[b] as Map<number, Neighbour>, units, a, together, worth);
  }
  return { ends: found.map((star) => [...star.values()]), within };
}

function addTo(
  star: Map<number, Neighbour>,
  { cpus, memory }: Units,
  other: number,
  together: boolean,
  worth: Worth,
): void {
  const neighbour = star.get(other);
  if (neighbour) neighbour.flows.push(worth);
  else
    star.set(other, {
      flows: [worth],
      together,
      cpus: cpus[other] as number,
      memory: memory[other] as number,
    });
}

function worthOf(
  { demand, latencyBound }: Instance,
  weights: ObjectiveWeights,
  places: Places,
  flow: number,
  a: number,
  b: number,
): Worth {
  const [bits, bound] = [demand[flow] as number, latencyBound[flow] as number];
  const at = (width: number, us: number, hops: number) =>
    flowValue(
      weights,
      bits,
      bound,
      weights.residual >= weights.tightFit ? width : Math.min(width, 0),
      us,
      hops,
    );
  const width = Math.min(places.out[a] as number, places.in[b] as number);
  const us = Math.max(places.outUs[a] as number, places.inUs[b] as number);
  const capacity = Math.min(places.local[a] as number, places.local[b] as number);
  const alone = at(capacity - bits, 0, 0);
  const slope = weights.residual - weights.tightFit;
  return {
    demand: bits,
    outside: Math.max(withoutPath(bits), width === -Infinity ? -Infinity : at(width - bits, us, 1)),
    alone,
    shared: isConcave(weights) ? slope * capacity + flowValue(weights, bits, bound, 0, 0, 0) : alone,
  };
}

/** Of one end, over all k. `cpus`, `memory`: what the neighbours can have. */
function bestOfStar(neighbours: Neighbour[], slope: number, cpus: number, memory: number): number {
  let outside = 0;
  let flows = 0;
  for (const neighbour of neighbours) {
    for (const worth of neighbour.flows) outside += worth.outside;
    flows += neighbour.flows.length;
  }
  const bytes = memory * (1 + ROUNDING) + ROUNDING;
  const near = neighbours.filter((neighbour) => {
    return neighbour.together && neighbour.cpus <= cpus + ROUNDING && neighbour.memory <= bytes;
  });
  let best = outside;
  for (let k = 1; k <= flows && near.length > 0; ) {
    const next = Math.max(k + 1, Math.floor(k * K_STEP));
    best = Math.max(best, outside + gainWithin(near, slope * k, next - 1, cpus + ROUNDING, bytes));
    k = next;
  }
  return best;
}

/** Of those within the host against outside: at most so many flows, CPUs and bytes, the least of the three knapsacks. */
function gainWithin(near: Neighbour[], loss: number, flows: number, cpus: number, memory: number): number {
  const single: Item[] = [];
  const [byCpus, byMemory]: [Item[], Item[]] = [[], []];
  for (const neighbour of near) {
    let gain = 0;
    for (const { demand, outside, alone, shared } of neighbour.flows) {
      const path = Math.min(alone, shared - loss * demand) - outside;
      if (path > 0) single.push({ gain: path, size: 1 });
      gain += path;
    }
    if (gain <= 0) continue;
    byCpus.push({ gain, size: neighbour.cpus });
    byMemory.push({ gain, size: neighbour.memory });
  }
  return Math.min(fractional(single, flows), fractional(byCpus, cpus), fractional(byMemory, memory));
}

interface Item {
  gain: number;
  size: number;
}

function fractional(items: Item[], room: number): number {
  if (room !== Infinity) items.sort((a, b) => b.gain * a.size - a.gain * b.size);
  let sum = 0;
  for (const { gain, size } of items) {
    if (size > room) return sum + (gain * room) / size;
    sum += gain;
    room -= size;
  }
  return sum;
}
