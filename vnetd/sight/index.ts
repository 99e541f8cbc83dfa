export type { AgentPlane, SightLink, UnderlayAgent } from './agent.js';
export { ReportIntake } from './intake.js';
export { soundEvent } from './sound-event.js';
export { Sight, type SightOptions, type SightSink } from './sight.js';
