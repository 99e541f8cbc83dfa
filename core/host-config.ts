/**
 * What the Proxy tells one daemon: the part of the lowered topology that concerns it. Whole on connecting, as
 * a delta afterwards; a daemon keeps the whole on disk and runs from it while the Proxy is away.
 */
import type { MacAddress } from './mac.js';
import type { Owner, Rule } from './rule.js';
import type { Endpoint, LinkType, PortRole } from './topology.js';

export interface NetworkConfig {
  id: number;
  name: string;
  mtu: number;
  /** What the ingress stamps. */
  epoch: number;
  /** Frames of epochs outside [oldestEpoch, epoch + 1] go to ground. */
  oldestEpoch: number;
}

export interface LinkConfig {
  /** 16 hexadecimal digits, the same at both ends: what the handshake names. */
  id: string;
  peer: string;
  type: LinkType;
  owner: Owner;
  /** 32 hexadecimal digits both ends prove to know in the handshake. */
  secret: string;
  /** Where to dial; absent: wait for the peer. */
  dial?: Endpoint;
  /** Order among the live links of an edge: lowest first. */
  preference: number;
  /** Of the underlay, for what this host sends on it (VRESERVE), bits a second of IP packets. */
  reservedBitsPerSecond?: number;
}

export interface PortConfig {
  /** The specification, as in `tap:web0`: unique on its host. */
  port: string;
  network: number;
  role: PortRole;
  owner: Owner;
  /** Addresses admitted at the port; ignored for `lan`. */
  macs: MacAddress[];
}

/** CPU that a VM which runs here gets (VSched); without effect while it runs elsewhere. */
export interface CpuConfig {
  vm: string;
  periodUs: number;
  sliceUs: number;
}

export interface HostConfig {
  host: string;
  /** Grows with every change of this host's part. */
  revision: number;
  networks: NetworkConfig[];
  links: LinkConfig[];
  ports: PortConfig[];
  rules: Rule[];
  /** Default: none. */
  cpu?: CpuConfig[];
}

/** A step of a change at one host, applied whole or not at all. Replacing by the same identity is atomic. */
export interface HostDelta {
  revision: number;
  networks?: NetworkConfig[];
  removeNetworks?: number[];
  links?: LinkConfig[];
  removeLinks?: string[];
  ports?: PortConfig[];
  removePorts?: string[];
  rules?: Rule[];
  /** Rule ids. */
  removeRules?: string[];
  cpu?: CpuConfig[];
  /** VM names. */
  removeCpu?: string[];
}
