/** What the machines need of the host's forwarding; ports by their specification. */
export interface PortHolder {
  /** Frames to the port wait from now on, or go on in order. Holds for a port that is not open yet, too. */
  holdPort(port: string, held: boolean): void;
  /** Whether what leaves by the port is kept, for `recallPort`. Not for a port that is not open. */
  keepSent(port: string, kept: boolean): void;
  /** Frames that had left, and were not read by whoever makes the VM so long ago, wait again, first. */
  recallPort(port: string, agoMs: number): void;
  /** The port's addresses are announced as if their VM had done so. */
  announcePort(port: string): void;
  /** Its device may be there now. */
  reopenPort(port: string): void;
  /** The Proxy's configuration has it. */
  hasPort(port: string): boolean;
  /** Frames that waited for the port, and those lost at it, at most, since it opened; zero where it is not open. */
  countsOf(port: string): Promise<PortCounts>;
}

export interface PortCounts {
  held: number;
  lost: number;
}
