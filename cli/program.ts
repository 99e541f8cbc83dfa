/** The whole command: verbs, global options, errors, exit codes. */
import { Command, CommanderError } from 'commander';
import { VnetError } from '../core/index.js';
import { type CliContext, DEFAULT_SOCKET } from './context.js';
import { overviewText } from './overview.js';
import { makePalette, type Palette, wantsColour } from './palette.js';
import { ExitWith } from './run.js';
import { ScriptErrors } from './scripts.js';
import { addAdapt } from './verbs/adapt.js';
import { addApply } from './verbs/apply.js';
import { addCheck } from './verbs/check.js';
import { addCompletion } from './verbs/completion.js';
import { addConfigTime } from './verbs/config-time.js';
import { addDiff } from './verbs/diff.js';
import { addDoctor } from './verbs/doctor.js';
import { addDown } from './verbs/down.js';
import { addEvents } from './verbs/events.js';
import { addLink } from './verbs/link.js';
import { addLinks } from './verbs/links.js';
import { addMap } from './verbs/map.js';
import { addMatrix } from './verbs/matrix.js';
import { addNet } from './verbs/net.js';
import { addPerf } from './verbs/perf.js';
import { addPing } from './verbs/ping.js';
import { addPort } from './verbs/port.js';
import { addHost } from './verbs/host.js';
import { addInterfaces, addPorts } from './verbs/ports.js';
import { addRecord } from './verbs/record.js';
import { addReplay } from './verbs/replay.js';
import { addRoute } from './verbs/route.js';
import { addRule } from './verbs/rule.js';
import { addRules } from './verbs/rules.js';
import { addShow } from './verbs/show.js';
import { addSight } from './verbs/sight.js';
import { addSim } from './verbs/sim.js';
import { addStatus } from './verbs/status.js';
import { addTopology } from './verbs/topology.js';
import { addUp } from './verbs/up.js';
import { addVm } from './verbs/vm.js';
import { addVms } from './verbs/vms.js';
import { addWatch } from './verbs/watch.js';

/** In the order the overview lists them. */
const VERBS = [
  addStatus,
  addMap,
  addLinks,
  addVms,
  addPorts,
  addInterfaces,
  addRules,
  addShow,
  addTopology,
  addMatrix,
  addNet,
  addWatch,
  addEvents,
  addRoute,
  addPing,
  addPerf,
  addDoctor,
  addRecord,
  addReplay,
  addSim,
  addCheck,
  addDiff,
  addApply,
  addLink,
  addVm,
  addHost,
  addPort,
  addRule,
  addConfigTime,
  addSight,
  addAdapt,
  addUp,
  addDown,
  addCompletion,
];

const DEFAULT_COLUMNS = 100;

/** The command with every verb of this folder. Others may be added to it with `addVerb` and `act`. */
export function buildProgram(context: CliContext): Command {
  const colour = (stream: CliContext['stdout']): boolean => wantsColour(stream, context.env, true);
  const program = new Command('vnet')
    .description('One Ethernet over many sites. `vnet` alone shows where to begin.')
    .version(context.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain this')
    .helpCommand('help [verb]', 'explain a verb')
    .option('--socket <path>', `control socket of the daemon (VNET_SOCKET, ${DEFAULT_SOCKET})`)
    .option('--host <name>', "another host's daemon, asked through the Proxy")
    .option('--json', 'stable documents for machines, also for errors')
    .option('--no-color', 'plain text (so does NO_COLOR)')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      outputError: () => {}, // said once, by `report`
      getOutHelpWidth: () => context.stdout.columns ?? DEFAULT_COLUMNS,
      getErrHelpWidth: () => context.stderr.columns ?? DEFAULT_COLUMNS,
      getOutHasColors: () => colour(context.stdout),
      getErrHasColors: () => colour(context.stderr),
    })
    .exitOverride();
  for (const add of VERBS) add(program, context);
  return program;
}

/**
 * Runs one invocation; resolves with the exit code and never rejects. `argv` is without the interpreter and the
 * script. `program` may carry more verbs than `buildProgram` gives.
 */
export async function runCli(
  argv: readonly string[],
  context: CliContext,
  program: Command = buildProgram(context),
): Promise<number> {
  const flags = { json: argv.includes('--json'), color: !argv.includes('--no-color') };
  const paint = makePalette(wantsColour(context.stdout, context.env, flags.color));
  if (argv.every((word) => word === '--no-color')) {
    context.stdout.write(`${overviewText(program, paint)}\n`);
    return 0;
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (thrown) {
    if (thrown instanceof ExitWith) return thrown.exitCode;
    if (thrown instanceof CommanderError && (thrown.exitCode === 0 || thrown.code === 'commander.help'))
      return thrown.exitCode;
    report(context, thrown instanceof CommanderError ? usageError(thrown) : VnetError.from(thrown), flags);
    return 1;
  }
}

/** Commander's words as an error of ours: `error: unknown command 'lnks'` with `(Did you mean links?)` as its hint. */
function usageError(thrown: CommanderError): VnetError {
  const [first = '', ...rest] = thrown.message
    .replace(/^error: /, '')
    .replace('unknown command', 'there is no verb')
    .split('\n');
  const guess = rest.join(' ').replace(/[()]/g, '').trim();
  return new VnetError('VNET_ERR_INVALID', first, {
    hint:
      guess === ''
        ? '`vnet --help` lists the verbs, `vnet VERB --help` explains one'
        : `${guess.charAt(0).toLowerCase()}${guess.slice(1)}`,
  });
}

/** An error on standard error: for people what happened and what to do, with `--json` an ErrorBody. */
function report(context: CliContext, error: VnetError, flags: { json: boolean; color: boolean }): void {
  const { stderr } = context;
  if (flags.json) return stderr.write(`${JSON.stringify(error.toBody())}\n`);
  const { bad, strong, faint }: Palette = makePalette(wantsColour(stderr, context.env, flags.color));
  if (error instanceof ScriptErrors) stderr.write(`${error.rendered}\n`);
  stderr.write(`${bad(strong('error:'))} ${error.message}\n`);
  const hint =
    error.hint ??
    (error.code === 'VNET_ERR_UNREACHABLE'
      ? 'is it running? `vnet up SCRIPT` or `vnetd` starts a daemon, --socket or VNET_SOCKET names its socket'
      : undefined);
  if (hint !== undefined) stderr.write(`${faint('hint:')} ${hint}\n`);
}
