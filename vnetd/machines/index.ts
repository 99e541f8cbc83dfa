export { Machines, type MachinesOptions } from './machines.js';
export type { PortCounts, PortHolder } from './port-holder.js';
export { VmIntake } from './intake.js';
export { answerVmCall, remoteVms, VM_CALL_PREFIX } from './remote-vms.js';
export { soundMachine, soundVmReport } from './sound-report.js';
