/** The topology language: text to `Topology` and back, with diagnostics. Pure: no I/O, no clock. */
export { checkTopology, MAX_MTU, MIN_MTU } from './check-topology.js';
export { type Diagnostic, MAX_DIAGNOSTICS, type Severity, type Span, warningOf } from './diagnostics.js';
export { nearest } from './did-you-mean.js';
export { type FileKind, fileKind } from './file-kind.js';
export { type PaperText, printPaper } from './paper-printer.js';
export { printStatement, printTopology } from './printer.js';
export { type RenderOptions, renderDiagnostics } from './render.js';
export {
  loadScript,
  MAX_INCLUDES,
  MAX_SCRIPT_LENGTH,
  type ParseResult,
  parseScript,
  type ScriptOptions,
} from './script.js';
export type { Form } from './tokens.js';
export {
  PORT_KINDS,
  portSpecProblem,
  readDurationUs,
  readEndpoint,
  readRate,
  readSize,
  writeDurationUs,
  writeEndpoint,
  writeRate,
  writeSize,
} from './values.js';
export { portWithLinks, routeSuspended } from './wording.js';
