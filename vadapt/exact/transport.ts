/**
 * Units to seats, at the most worth: the Lagrangian dual of the transport problem. A seat of each host has a price, a unit takes
 * the host that is worth most less its price, and the prices of all seats are added: a bound at any prices. Prices follow
 * subgradients, with Polyak's steps towards what a greedy assignment reaches.
 */

const STEPS_MAX = 200;
const OPERATIONS_MAX = 1e7;
/** Steps without gain, after which they become half as long. */
const PATIENCE = 6;
const STEP_LEAST = 1e-3;

/** `worth`: by unit, over its domain of hosts. `seats`: by host. */
export function pricedTransport(
  worth: readonly Float64Array[],
  domains: readonly Int32Array[],
  seats: Int32Array,
): number {
  const prices = new Float64Array(seats.length);
  const entries = worth.reduce((sum, values) => sum + values.length, 1);
  const steps = Math.min(STEPS_MAX, Math.max(5, Math.floor(OPERATIONS_MAX / entries)));
  const target = greedy(worth, domains, seats);
  let [best, step, waited] = [Infinity, 1, 0];
  for (let i = 0; i < steps && step > STEP_LEAST; i++) {
    const { value, excess } = dual(worth, domains, seats, prices);
    if (value < best) {
      best = value;
      waited = 0;
    } else if (++waited >= PATIENCE) {
      step /= 2;
      waited = 0;
    }
    let norm = 0;
    excess.forEach((over, host) => {
      if (over > 0 || (prices[host] as number) > 0) norm += over * over;
    });
    if (norm === 0) break;
    const length = (step * Math.max(0, value - target)) / norm;
    if (length === 0) break;
    excess.forEach((over, host) => {
      prices[host] = Math.max(0, (prices[host] as number) + length * over);
    });
  }
  return best;
}

function dual(
  worth: readonly Float64Array[],
  domains: readonly Int32Array[],
  seats: Int32Array,
  prices: Float64Array,
): { value: number; excess: Int32Array } {
  const excess = Int32Array.from(seats, (count) => -count);
  let value = 0;
  seats.forEach((count, host) => {
    value += count * (prices[host] as number);
  });
  worth.forEach((values, unit) => {
    const domain = domains[unit] as Int32Array;
    let [best, at] = [-Infinity, 0];
    for (let i = 0; i < values.length; i++) {
      const net = (values[i] as number) - (prices[domain[i] as number] as number);
      if (net > best) [best, at] = [net, domain[i] as number];
    }
    value += best;
    excess[at] = (excess[at] as number) + 1;
  });
  return { value, excess };
}

/** In turn, each unit on the best host that has a seat left; -Infinity where none has. */
function greedy(worth: readonly Float64Array[], domains: readonly Int32Array[], seats: Int32Array): number {
  const left = Int32Array.from(seats);
  let sum = 0;
  worth.forEach((values, unit) => {
    const domain = domains[unit] as Int32Array;
    let [best, at] = [-Infinity, -1];
    for (let i = 0; i < values.length; i++) {
      const host = domain[i] as number;
      if ((left[host] as number) > 0 && (values[i] as number) > best)
        [best, at] = [values[i] as number, host];
    }
    if (at < 0) at = domain[0] as number;
    left[at] = (left[at] as number) - 1;
    sum += best === -Infinity ? 0 : best;
  });
  return sum;
}
