/** Adaptation, as its verbs say it. */
export { adaptedStatements, countedAdapted } from './action-text.js';
export { evidenceText } from './evidence-text.js';
export { gapText, signedRate } from './numbers.js';
export { planLine, showPlan } from './plan-text.js';
export { outcomeText, showRecord, showRecords } from './record-text.js';
export {
  addSearchOptions,
  addSettingOptions,
  explainSettings,
  type SearchFlags,
  searchOf,
  type SettingFlags,
  settingsOf,
} from './settings.js';
export { adaptationIfAny, stateLine } from './state-text.js';
export { subjectOf, unknownAction } from './subject.js';
