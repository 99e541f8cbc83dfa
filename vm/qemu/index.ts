/** VMs run by QEMU: started, adopted, stopped, moved. */
export { QemuDriver, type QemuDriverOptions } from './driver.js';
export { QEMU } from './facts.js';
export { machineDigest, saveState } from './state.js';
export { MOVE_BITS_PER_SECOND, MOVE_DOWNTIME_MS } from './limits.js';
