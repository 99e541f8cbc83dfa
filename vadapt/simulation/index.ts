/** For tests and figures: the controller in an overlay of numbers. */
export { Drive, type DriveOptions, solveBy } from './drive.js';
export { FluidNetwork } from './fluid-network.js';
export {
  type SimulatedApplication,
  type SimulatedVm,
  Simulation,
  type SimulationOptions,
  TICK_MS,
} from './overlay.js';
