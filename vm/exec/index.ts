export { ExecDriver, type ExecDriverOptions } from './driver.js';
export type { Input as ExecInput, Line as ExecLine, Verb as ExecVerb } from './protocol.js';
