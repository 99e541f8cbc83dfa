export type { AgentPlane, SightLink, UnderlayAgent } from './agent.js';
export { ReportIntake } from './intake.js';
export { Sight, type SightOptions, type SightSink } from './sight.js';
