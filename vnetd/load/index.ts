/** What this host says of its load (HostLoad), every few seconds. */
export { LoadReporting, REPEAT_PERIODS } from './load-reporting.js';
export { processesOf } from './vm-processes.js';
export type { VmProcesses } from './vm-cpu.js';
