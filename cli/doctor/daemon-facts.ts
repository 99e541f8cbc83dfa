/** What the daemon of this machine and the Proxy say, as far as it concerns whether all is well. */
export interface DaemonFacts {
  /** Why no daemon answered. */
  error?: string;
  host?: string;
  role?: 'host' | 'proxy';
  uptimeMs?: number;
  proxy?: { name: string; connected: boolean; state: string };
  sealed?: boolean;
  /** Largest of its networks, octets. */
  mtu?: number;
  linksDown?: { peer: string; type: string; state: string }[];
  linksUp?: number;
  portsDown?: { port: string; state: string }[];
  /** Types of the links to the Proxy that are up. */
  starTypes?: string[];
  /** Interfaces that its links leave by. */
  linkInterfaces?: string[];
  /** Addresses of this machine, as the daemon lists them. */
  ownAddresses?: string[];
  /** Address and port from which the Proxy gets this daemon's datagrams. */
  seenAs?: string[];
  /** The endpoint that the intent gives this host, `address:port`. */
  declared?: string;
  /** The Proxy's clock minus ours, milliseconds. */
  clockAheadMs?: number;
}
