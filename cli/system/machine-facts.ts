/** What can be seen of this machine without asking a daemon. Absent: it could not be read. */
export interface MachineFacts {
  platform: string;
  /** `uname -r`. */
  kernel: string;
  /** `process.versions.node`. */
  node: string;
  root: boolean;
  /** Effective capabilities, as the kernel numbers them (capabilities(7)). */
  capabilities?: bigint;
  /** `/dev/net/tun`: absent, present, or openable for reading and writing by this user. */
  tun: 'absent' | 'closed' | 'open';
  /** Families of sockets that the kernel knows, of /proc/net/protocols. */
  protocols?: string[];
  /** `user.max_user_namespaces`. */
  userNamespacesMax?: number;
  /** Debian's and Ubuntu's own switches, where there are such. */
  userNamespacesAllowed?: boolean;
  /** Network emulation, for labs. */
  netem?: boolean;
  addonBuilt: boolean;
  congestionControl?: string;
  congestionControls?: string[];
  /** `net.core.rmem_max` and `wmem_max`, octets. */
  receiveBufferMax?: number;
  sendBufferMax?: number;
  clockSource?: string;
  /** `bridge-nf-call-iptables`: frames across a Linux bridge meet the host's packet filter. */
  bridgeFiltered?: boolean;
  /** Linux bridges that there are. */
  bridges?: string[];
  /** Tables of iptables in use; their presence, not their rules. */
  filterTables?: string[];
  cpus: number;
  /** Of the last minute. */
  load: number;
  interfaces: { name: string; mtu: number; up: boolean; addresses: string[] }[];
}
