/** CPU for VMs as period and slice (VSched). */
export { CPU_MEANS, chooseCpuMeans, type CpuMeansKind } from './choose.js';
export { CpuReservations } from './cpu-reservations.js';
