export { type FabricPort, MemoryFabric, type PathState } from './fabric.js';
export * as memoryLimits from './limits.js';
export { createMemoryPlane, type MemoryPlaneOptions } from './plane.js';
