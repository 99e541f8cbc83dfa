import type {
  Authority,
  HostReport,
  HostSession,
  OverlayEvent,
  SightReports,
  VmReport,
} from '../core/index.js';

/** What the Proxy's daemon drives. */
export interface ProxyRole extends Authority {
  /** Takes what the daemons, its own too, report of traffic and underlay. */
  readonly reports: SightReports;
  attach(session: HostSession, report: HostReport): Promise<void>;
  detach(host: string): void;
  /** One of the host's VMs changed, or its move got on. What it says of others was left out before. */
  vmReport(host: string, report: VmReport): void;
  reportEvent(host: string, event: OverlayEvent): void;
  onEvent(listener: (event: OverlayEvent) => void): () => void;
  close(): Promise<void>;
}
