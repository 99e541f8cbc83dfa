/** VTTIF: the traffic matrix of all VMs and the application topology inferred from it (Virtuoso, section 4). Pure. */
export * from './limits.js';
export { deriveSmoothing, mergeParameters, PERIODS_PER_WINDOW_MIN } from './parameters.js';
export { type Pattern, patternEdges, patternSize, recognise } from './patterns/index.js';
export { RecordReader, recordHeader, recordStep } from './record-format.js';
export { Replay, type ReplayedDeclaration } from './replay.js';
export {
  type Flow,
  type NoiseOptions,
  noiseFlows,
  patternFlows,
  SyntheticFleet,
  syntheticAddress,
} from './synthetic.js';
export { drive } from './synthetic-drive.js';
export { topologyGraph, topologyText } from './topology-view.js';
export { type Evidence, TopologyTracker } from './topology-tracker.js';
export { TrafficMatrix } from './traffic-matrix.js';
export { type TopologyDeclaration, TrafficSight, type TrafficSightOptions } from './traffic-sight.js';
