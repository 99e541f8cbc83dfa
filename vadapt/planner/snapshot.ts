/** All that a decision stands on, at one moment, of one network: what the Proxy knows, as plain data. */
import type {
  Adapted,
  CpuReservation,
  HostLoad,
  LinkReservation,
  LinkType,
  MatrixView,
  Topology,
  UnderlayView,
  VmStatus,
} from '../../core/index.js';

export interface Snapshot {
  /** Monotonic milliseconds. */
  atMs: number;
  network: string;
  /** Of the intent. */
  revision: number;
  /** What the user owns, completed: hosts, links, routes, rules, constraints, reservations. */
  topology: Topology;
  adapted: Adapted;
  /** VTTIF's, smoothed; whether its topology has settled, or is a union to which nothing new has come. */
  matrix: MatrixView;
  settled: boolean;
  underlay: UnderlayView;
  /** Hosts that are connected and run their part. */
  ready: readonly string[];
  /** By host; with the age of the report, milliseconds. */
  loads: ReadonlyMap<string, { load: HostLoad; ageMs: number }>;
  /**
   * What hosts have for VMs where the topology does not say (HostMachine); absent: memory is not looked at before a
   * host refuses.
   */
  machines?: ReadonlyMap<string, { memoryBytes: number; cpus: number }>;
  /** Of every network: all take room on their hosts; those of `network` are placed. */
  vms: readonly SnapshotVm[];
  /** Links there are, whoever owns them. */
  links: readonly { type: LinkType; a: string; b: string; up: boolean }[];
}

export interface SnapshotVm extends VmStatus {
  /** A machine behind a LAN port: it is where it is. */
  learnt: boolean;
  /** Hosts that refused it lately (no driver, no image, no room), with their word. */
  refusedBy: Readonly<Record<string, string>>;
}

/** What is reserved already, whoever did. */
export interface Reserved {
  links: readonly LinkReservation[];
  cpus: readonly CpuReservation[];
}
