export { configDelta } from './config-steps.js';
export { DRAIN_MS, Executor, type ExecutorOptions, type Job } from './executor.js';
export { Member, STEP_TIMEOUT_MS, type StepOutcome } from './member.js';
export type { LinkEnd } from './new-links.js';
