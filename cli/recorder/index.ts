/** The matrix's history: followed into a file, and run again from one. */
export { recordHistory, type RecordOptions, type RecordResult } from './record.js';
export { recordedSteps, type RecordedStep } from './recorded-steps.js';
