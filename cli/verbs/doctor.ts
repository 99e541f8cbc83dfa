import type { Command } from 'commander';
import { VnetError } from '../../core/index.js';
import type { CliContext } from '../context.js';
import {
  type Check,
  daemonChecks,
  diagnose,
  lookAtDaemon,
  machineChecks,
  observePair,
  showDiagnosis,
} from '../doctor/index.js';
import { act, addVerb, ExitWith, GROUPS, type Run } from '../run.js';
import { readMachine } from '../system/index.js';

const EXIT_TROUBLE = 2;

export function addDoctor(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'doctor [from] [to]',
    group: GROUPS.explain,
    summary: 'what is wrong between two VMs, or on this machine',
    about:
      'With two VMs: walks the way between them hop by hop, both directions, and looks at everything on it: whether ' +
      'a hop is direct, relayed or fallen back to the star, bandwidth in use and free, loss, drops, MTU, the ' +
      "daemons' CPU; sends echoes; then names the one bottleneck and the next command to type. It takes about two " +
      'seconds. Without VMs: checks this machine (kernel, privileges, network, clock) and its daemon (Proxy, links, ' +
      'NAT). Exit code 2 if something is wrong, 1 if it could not look.',
    examples: [
      ['doctor web db', 'why is it slow between web and db?'],
      ['doctor', 'is this machine fit, is its daemon well?'],
      ["doctor web db --json | jq '.bottleneck'", 'for scripts'],
    ],
  }).option('--network <name>', 'where an address stands in several networks');
  act<[string | undefined, string | undefined], { network?: string }>(
    command,
    context,
    async (run, options, from, to) => {
      if (from === undefined) return checkMachine(run);
      if (to === undefined)
        throw new VnetError('VNET_ERR_INVALID', 'doctor takes two VMs, or none', {
          hint: `\`vnet doctor ${from} OTHER\` looks at the way between two, \`vnet doctor\` at this machine`,
        });
      const seen = await observePair(run, from, to, options.network);
      const diagnosis = diagnose(seen);
      if (run.json) run.printJson({ ...diagnosis, seen });
      else showDiagnosis(run, seen, diagnosis);
      if (diagnosis.trouble) throw new ExitWith(EXIT_TROUBLE);
    },
  );
}

/** With --host the daemon is another machine's: this one says nothing about it. */
async function checkMachine(run: Run): Promise<void> {
  const facts = await (run.context.machine ?? readMachine)();
  const machine = run.options.host === undefined ? machineChecks(facts) : [];
  const daemon = daemonChecks(
    await lookAtDaemon(run),
    run.options.host === undefined ? facts : { ...facts, interfaces: [] },
  );
  const checks = [...machine, ...daemon];
  if (run.json) run.printJson({ machine, daemon });
  else {
    if (machine.length > 0) showChecks(run, 'This machine', machine);
    showChecks(run, run.options.host === undefined ? 'Its daemon' : `Daemon of ${run.options.host}`, daemon);
    showVerdict(run, checks);
  }
  if (checks.some((check) => check.state === 'fail')) throw new ExitWith(EXIT_TROUBLE);
}

function showChecks(run: Run, title: string, checks: readonly Check[]): void {
  const { strong, good, warn, bad, faint, code } = run.paint;
  const states = { ok: good('ok  '), warn: warn('warn'), fail: bad('fail') };
  const width = Math.max(...checks.map((check) => check.what.length));
  run.print(strong(title));
  for (const { what, state, text, next } of checks) {
    run.print(`  ${states[state]}  ${what.padEnd(width)}  ${text}`);
    if (next !== undefined) run.print(`        ${' '.repeat(width)}  ${faint('do:')} ${code(next)}`);
  }
  run.print('');
}

function showVerdict(run: Run, checks: readonly Check[]): void {
  const { good, warn, bad } = run.paint;
  const failed = checks.filter((check) => check.state === 'fail').length;
  const warned = checks.filter((check) => check.state === 'warn').length;
  if (failed > 0) run.print(bad(`${failed} of ${checks.length} checks failed.`));
  else if (warned > 0) run.print(warn(`Works; ${warned} of ${checks.length} checks have something to say.`));
  else run.print(good(`All ${checks.length} checks are fine.`));
}
