/** The lab: hosts, VMs, LANs and the network under them on one machine, in network namespaces. See README.md. */

export type { RunOptions, RunResult } from './command.js';
export { type EmulatorCounters, hasNetem } from './impair.js';
export {
  Lab,
  type LabListing,
  type LabOptions,
  listLabs,
  makeLab,
  openLab,
  removeLab,
} from './lab.js';
export { MACHINE_INTERFACE } from './machine.js';
export { lossTolerance, type MeasureOptions, type PathMeasurement } from './measure.js';
export { LabNode, type NodeKind } from './node.js';
export { type LabProblem, parseLab } from './parse.js';
export { ensurePrivilege, inUserNamespace, type Privilege, reexecInUserNamespace } from './privilege.js';
export {
  emptySpec,
  type HostSpec,
  type ImpairMode,
  type LabSpec,
  type LanSpec,
  type MachineSpec,
  type Path,
  type PathRule,
  type PathSpec,
  pathBetween,
  portOf,
  portSpecOf,
  UNDERLAY_INTERFACE,
  type VmSpec,
} from './spec.js';
export { emulatorProgram } from './tool.js';
export { machineOf, topologyOf } from './topology.js';
export { formatRate } from './units.js';
export { labCommands } from './verbs.js';
export * from './guest/index.js';
export * from './patterns/index.js';
export * from './webapp/index.js';
export { DAEMON_COMMAND, OverlayLab, type OverlayLabOptions } from './overlay/index.js';
export type { LabTruth } from './truth.js';
