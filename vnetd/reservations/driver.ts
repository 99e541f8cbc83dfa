/** Bandwidth of the underlay for links of this host, for what it sends on them (VRESERVE). */
import type { Endpoint, LinkType, VnetError } from '../../core/index.js';

export interface LinkWish {
  /** The link's. */
  id: string;
  type: LinkType;
  peer: string;
  /** An IP address, and the port that datagrams or segments of the link go to. */
  remote: Endpoint;
  /** Of IP packets. */
  bitsPerSecond: number;
}

/** How a wish stands: by what it is held, in a few words, or why it is not. */
export type Outcome = { text: string } | { error: VnetError };

export interface ReservationDriver {
  readonly name: string;
  /**
   * Holds these and no others, each whole or not at all. By link; also one that is not wished for any more and could
   * not be given back. Rejects where nothing is known of any. Not called again before it is over.
   */
  set(wishes: readonly LinkWish[]): Promise<ReadonlyMap<string, Outcome>>;
  /** Removes what an earlier process of this daemon left. Rejects where it cannot. */
  clear(): Promise<void>;
}

export const sameWish = (a: LinkWish, b: LinkWish): boolean =>
  a.type === b.type &&
  a.bitsPerSecond === b.bitsPerSecond &&
  a.remote.address === b.remote.address &&
  a.remote.port === b.remote.port;
