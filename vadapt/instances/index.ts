/** Instances of the adaptation problem: as files, made up, and cut from real measurements. Pure. */
export {
  INSTANCE_VERSION,
  type InstanceFile,
  type ParsedInstance,
  parseInstance,
  type StoredBest,
  type StoredBound,
} from './instance-file.js';
export { type NamedPlacement, namedPlacement, parseAnswer, placementOf } from './named-placement.js';
export { printInstance } from './print-instance.js';
export { type CommunicationPattern, communication, PATTERNS, patternPairs } from './communication.js';
export { FAMILIES, type Family, type GeneratorOptions, generateInstance } from './generate.js';
export { type MeasuredOptions, measuredInstance } from './measured-instance.js';
export { cloudNetwork, planetLabNetwork, someHosts } from './measured-networks.js';
export { rankMatrix, rankPairs, type Scale, someVms, type Traffic } from './measured-traffic.js';
