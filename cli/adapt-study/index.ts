/** Solvers run in the command itself, on instances and recordings: no daemon, no privilege. */
export { decisionDocument, showDecision } from './decision-text.js';
export { instanceFiles, readInstance, writeInstances } from './instance-folder.js';
export { madeUp, measured, type Size } from './make-instances.js';
export {
  budgetOf,
  countingChange,
  DEFAULT_BUDGET,
  objectiveOf,
  runsOf,
  seedOf,
  solverOf,
  solversOf,
} from './options.js';
export { isRecording, recordedMoments } from './recorded-moments.js';
export { ReplayStudy } from './replay-study.js';
export { simulate } from './simulate.js';
export { type StudyCase, type StudyResult, study, withBaseline } from './study.js';
export { showResults, showSummaries, studyCsv, studyDocument } from './study-text.js';
export { summarise } from './summary.js';
