/** Lets a synthetic fleet report to a Proxy's sight, in simulated time. */
import type { SyntheticFleet } from './synthetic.js';
import type { TopologyDeclaration, TrafficSight } from './traffic-sight.js';

/** Reports arrive `delayMs` after they were read (default 1); ticks come as often as they are worth it. */
export function drive(
  sight: TrafficSight,
  fleet: SyntheticFleet,
  fromMs: number,
  toMs: number,
  options: { told?(atMs: number, declaration: TopologyDeclaration): void; delayMs?: number } = {},
): void {
  const { delayMs = 1 } = options;
  let tickMs = Math.ceil(fromMs / sight.tickMs) * sight.tickMs;
  const tickUntil = (atMs: number) => {
    for (; tickMs < atMs; tickMs += sight.tickMs) {
      for (const declaration of sight.tick(tickMs)) options.told?.(tickMs, declaration);
    }
  };
  for (const { host, message, atMs } of fleet.reports(fromMs - delayMs, toMs - delayMs)) {
    tickUntil(atMs + delayMs);
    sight.report(host, message, atMs + delayMs);
  }
  tickUntil(toMs);
}
