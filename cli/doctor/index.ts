/** What is wrong, and what to type next: between two VMs, and on this machine. */
export type { Check } from './check.js';
export { daemonChecks } from './daemon-checks.js';
export type { DaemonFacts } from './daemon-facts.js';
export { type Diagnosis, diagnose, leastRoom } from './diagnose.js';
export { hopsOf } from './from-views.js';
export { type Finding, TROUBLE_WEIGHT, type TroubleKind } from './finding.js';
export { piecesOf } from './hop-trouble.js';
export { lookAtDaemon } from './look-at-daemon.js';
export { machineChecks } from './machine-checks.js';
export type { DeadEdge, End, Hop, HostOnPath, PairObservation } from './observation.js';
export { observePair } from './observe.js';
export { showDiagnosis } from './report.js';
export { trusted } from './trust.js';
