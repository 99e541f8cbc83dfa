/** A forwarding rule as it stands in a daemon's table. DESIGN: "Forwarding, exactly". */
import type { DestinationMatcher, RuleAction, SourceMatcher } from './topology.js';

/** Who a thing belongs to: scripts and commands, adaptation, or the Proxy's own star and registry. */
export type Owner = 'user' | 'adapt' | 'auto';

/** Where a rule came from. Among equal matchers the earlier of this list wins. */
export const RULE_ORIGINS = ['route', 'adapt', 'shape', 'auto'] as const;
export type RuleOrigin = (typeof RULE_ORIGINS)[number];

/** An action of a table's rule: those of a statement, and `hold` for a VM that is moving. */
export type Action = RuleAction | { kind: 'hold' };

export interface Rule {
  /** Stable: the same statement lowers to the same id, whatever else changes. */
  id: string;
  network: number;
  source: SourceMatcher;
  destination: DestinationMatcher;
  actions: Action[];
  owner: Owner;
  /** `route`: a user's route or raw rule; `shape`: a user's shape; `auto`: the star and the registry. */
  origin: RuleOrigin;
  /** Valid for frames stamped with epochs in [fromEpoch, toEpoch); absent toEpoch: for ever. */
  fromEpoch: number;
  toEpoch?: number;
}
