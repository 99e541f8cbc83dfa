import type { Authority, HostReport, HostSession, OverlayEvent, SightReports } from '../core/index.js';

/** What the Proxy's daemon drives. */
export interface ProxyRole extends Authority {
  /** Takes what the daemons, its own too, report of traffic and underlay. */
  readonly reports: SightReports;
  attach(session: HostSession, report: HostReport): Promise<void>;
  detach(host: string): void;
  reportEvent(host: string, event: OverlayEvent): void;
  onEvent(listener: (event: OverlayEvent) => void): () => void;
  close(): Promise<void>;
}
