/** Drivers of virtual machines: what the daemon calls to run, stop and move them (core/vm.ts). */
export * from './qemu/index.js';
export { forgetWire, NetnsDriver, type NetnsDriverOptions } from './netns/index.js';
export {
  ExecDriver,
  type ExecDriverOptions,
  type ExecInput,
  type ExecLine,
  type ExecVerb,
} from './exec/index.js';
