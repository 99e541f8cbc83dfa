/** The `vnet` command. `bin` gives it the world (`CliContext`) and adds the lab's verbs with `addVerb` and `act`. */
export * from './context.js';
export { buildProgram, runCli } from './program.js';
export { act, addVerb, ExitWith, GROUPS, type GlobalOptions, Run, type VerbSpec } from './run.js';
