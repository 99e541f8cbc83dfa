/**
 * Ways around. Two estimates of edges that leave one host are seldom independent: they share its access, and a way over a
 * third host looks wider than the direct one by the error of a measurement, while it takes a host's access twice. So a flow
 * goes over more hosts than it has to only where that clearly pays, on measurements that one can build on.
 */
import type { Placement } from '../model/problem.js';
import { type Draft, pathNames } from './draft.js';
import type { DraftFlow } from './flows.js';
import type { Forecaster } from './forecast.js';
import { trustOf } from './trust.js';

/** Rate over the longer way, over that by the shorter one. */
export const RELAY_WORTH = 1.25;
/** Each edge of the longer way is known at least so well. */
export const RELAY_CONFIDENCE_MIN = 0.3;

/** The placement, without longer ways that do not pay; itself where there is none. */
export function withoutIdleRelays(draft: Draft, forecaster: Forecaster, placement: Placement): Placement {
  const shorter = placement.paths.map((path, flow) => shorterWay(draft, path, flow));
  if (shorter.every((path) => path === undefined)) return placement;
  const where = (keeps: (flow: number) => boolean): Placement => ({
    mapping: placement.mapping,
    paths: placement.paths.map((path, flow) => (keeps(flow) ? path : (shorter[flow] ?? path))),
  });
  const trusted = placement.paths.map((path) => isSure(draft, pathNames(draft, path)));
  const [over, by] = [placement, where(() => false)].map((one) => forecaster.of(one).fair) as [
    Float64Array,
    Float64Array,
  ];
  return where(
    (flow) => trusted[flow] === true && (over[flow] as number) >= RELAY_WORTH * (by[flow] as number),
  );
}

/** Of a flow that goes over more hosts than it has to, and does not go that way already. */
function shorterWay(draft: Draft, path: Int32Array, flow: number): Int32Array | undefined {
  const { flows, ground, hostIndex } = draft;
  const names = pathNames(draft, path);
  if (names.length < 3) return undefined;
  const [at, target] = [names[0] as string, names.at(-1) as string];
  const { from, to, maxLatencyUs } = flows[flow] as DraftFlow;
  if (maxLatencyUs !== undefined) return undefined; // It may go there for its bound.
  const given = [ground.present(from, to, at, target), ground.withoutRoutes(at, target)];
  if (given.some((way) => way.join(' ') === names.join(' '))) return undefined;
  const ways = isDirect(draft, at, target) ? [...given, [at, target]] : given;
  const shorter = ways.find((way) => way.length < names.length);
  return shorter && Int32Array.from(shorter, (host) => hostIndex.get(host) as number);
}

/** A link is there, or a trial of one told what it would carry. */
function isDirect(draft: Draft, from: string, to: string): boolean {
  return draft.edges.has(`${from} ${to}`) && (draft.ground.joined(from, to) || isSure(draft, [from, to]));
}

/** Every edge is measured lately, with confidence, and not by a bound alone. */
function isSure(draft: Draft, names: readonly string[]): boolean {
  return names.slice(1).every((to, i) => {
    const available = draft.edges.get(`${names[i]} ${to}`)?.measured?.availableBitsPerSecond;
    return (
      available !== undefined &&
      !available.atLeast &&
      trustOf(available) === 'good' &&
      available.confidence >= RELAY_CONFIDENCE_MIN
    );
  });
}
