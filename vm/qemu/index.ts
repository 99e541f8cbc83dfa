/** VMs run by QEMU: started, adopted, stopped, moved. */
export { QemuDriver, type QemuDriverOptions } from './driver.js';
export { MOVE_BITS_PER_SECOND, MOVE_DOWNTIME_MS } from './limits.js';
