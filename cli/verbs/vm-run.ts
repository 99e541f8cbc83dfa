import type { Command } from 'commander';
import { VnetError, type VmStatus } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { timeMs } from '../format.js';
import { attachConsole } from '../machines/index.js';
import { NameBook } from '../names.js';
import { act, addVerb, type Run } from '../run.js';

const GRACE_MS = [0, 600_000] as const;
const FENCE = [
  '--fence <host...>',
  'hosts that cannot be asked and do not run it: you vouch for that, and if you are wrong it runs twice',
] as const;

/** `vm start`, `stop`, `console`. */
export function addVmRun(group: Command, context: CliContext): void {
  const start = addVerb(group, {
    usage: 'start <vm>',
    summary: 'boot a VM',
    about:
      'Boots a VM by the driver its statement names (`run qemu`, `run netns`, `run exec`), on the host of the ' +
      'statement or the one named. Its port is open before it executes, so no frame of it is lost. A VM that may ' +
      'run on a host that cannot be asked is not started: its state is unknown.',
    examples: [
      ['vm start web', 'where its statement starts it'],
      ['vm start web --on b', 'on another host'],
      ['vm start web --fence a', 'host a is switched off: you have seen it'],
    ],
  })
    .option('--on <host>', 'the host')
    .option(...FENCE);
  act<[string], { on?: string; fence?: string[] }>(start, context, async (run, options, name) => {
    const names = new NameBook(await run.client.overview());
    const vm = vmNamed(names, name);
    const host = options.on === undefined ? undefined : names.host(options.on);
    const fence = options.fence?.map((each) => names.host(each));
    const status = await run.client.startVm(vm, {
      ...(host === undefined ? {} : { host }),
      ...(fence === undefined ? {} : { fence }),
    });
    showState(run, status, 'runs on');
  });

  const stop = addVerb(group, {
    usage: 'stop <vm>',
    summary: 'shut a VM down',
    about: 'Asks the guest to shut down, and ends it after a time of grace. Its statement stays.',
    examples: [
      ['vm stop web', 'ten seconds of grace'],
      ['vm stop web --grace 0s', 'at once'],
    ],
  })
    .option('--grace <time>', 'what the guest gets to shut down in', '10s')
    .option(...FENCE);
  act<[string], { grace: string; fence?: string[] }>(stop, context, async (run, options, name) => {
    const graceMs = timeMs(options.grace, 'a time of grace', ...GRACE_MS);
    const names = new NameBook(await run.client.overview());
    const fence = options.fence?.map((each) => names.host(each));
    const status = await run.client.stopVm(vmNamed(names, name), {
      graceMs,
      ...(fence === undefined ? {} : { fence }),
    });
    showState(run, status, 'is stopped, last on');
  });

  const console = addVerb(group, {
    usage: 'console <vm>',
    summary: "attach to a VM's console",
    about:
      "Joins this terminal to the VM's serial console until Ctrl-]. The console is a Unix socket of the host that " +
      'runs the VM; elsewhere the command says where to run it.',
    examples: [['vm console web', 'Ctrl-] leaves it']],
  });
  act<[string]>(console, context, async (run, _options, name) => {
    const vm = vmNamed(new NameBook(await run.client.overview()), name);
    const status = (await run.client.vms()).find((each) => each.vm === vm);
    const { host: here } = await run.client.local();
    if (status?.console === undefined) {
      throw new VnetError('VNET_ERR_NOT_FOUND', `${vm} has no console`, {
        hint:
          status?.driver === 'qemu' ? `start it with \`vnet vm start ${vm}\`` : 'only QEMU guests have one',
      });
    }
    if (status.host !== here) {
      throw new VnetError('VNET_ERR_REFUSED', `${vm} runs on ${status.host}, and this is ${here}`, {
        hint: `on ${status.host}: vnet vm console ${vm}`,
      });
    }
    run.note(run.paint.faint(`Console of ${vm} on ${here}; Ctrl-] leaves it.`));
    await attachConsole(status.console, { input: process.stdin, output: process.stdout });
  });
}

/** Throws VNET_ERR_NOT_FOUND, with the nearest name. */
export function vmNamed(names: NameBook, text: string): string {
  return names.find(names.resolve(text))?.name ?? text;
}

function showState(run: Run, status: VmStatus, what: string): void {
  if (run.json) return run.printJson(status);
  const { good, vm, host, faint } = run.paint;
  run.print(`${good('Done.')} ${vm(status.vm)} ${what} ${host(status.host)}`);
  if (status.console !== undefined) run.print(faint(`  its console: vnet vm console ${status.vm}`));
}
