/** The machine that the command runs on. The context may give another in its place. */
export { type LineFile, type LineFileMode, openLineFile, readLines } from './line-file.js';
export type { MachineFacts } from './machine-facts.js';
export { readMachine } from './machine.js';
export { systemTerminal, type Terminal } from './terminal.js';
