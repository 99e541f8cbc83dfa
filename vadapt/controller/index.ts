export { AdaptController, type ControllerParts, STEP_MS } from './controller.js';
export type { AdaptWorld, ControllerMemory } from './world.js';
