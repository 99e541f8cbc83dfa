/** One trouble on the way, or one remark: where, what, how one knows, and the command that goes on from there. */
export type TroubleKind =
  | 'unknown-vm'
  | 'refused-source'
  | 'host-away'
  | 'host-silent'
  | 'port-missing'
  | 'port-down'
  | 'not-delivered'
  | 'no-answer'
  | 'mtu'
  | 'ground'
  | 'loss'
  | 'busy-cpu'
  | 'saturated'
  | 'guard-drops'
  | 'queue-drops'
  | 'silent-vm'
  | 'queueing'
  | 'throttled'
  | 'relayed'
  | 'fragmented';

export interface Finding {
  kind: TroubleKind;
  /** 0 to 100: how much of the trouble it explains, causes above their effects. The heaviest is the bottleneck. */
  weight: number;
  /** A host, `a -> b`, or a VM. */
  where: string;
  /** A sentence without its full stop. */
  text: string;
  /** The figures behind it. */
  evidence?: string;
  /** A command to type. */
  next: string;
}

/** From here on something does not work or is slow; below it is worth knowing. */
export const TROUBLE_WEIGHT = 40;

export const hopName = (hop: { from: string; to: string }): string => `${hop.from} -> ${hop.to}`;

/** Both directions. */
export const edgeName = (hop: { from: string; to: string }): string => [hop.from, hop.to].sort().join(' - ');
