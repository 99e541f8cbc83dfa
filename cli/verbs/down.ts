import type { Command } from 'commander';
import { VnetError } from '../../core/index.js';
import type { CliContext, StartedDaemon } from '../context.js';
import { act, addVerb, GROUPS } from '../run.js';

export function addDown(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'down',
    group: GROUPS.run,
    summary: 'stop the daemons that `up` started',
    about:
      'Stops the daemons that `vnet up` started on this machine, hosts first and the Proxy last; daemons that ' +
      'something else started (systemd, a person) are left alone. What the Proxy holds stays on disk, and `vnet ' +
      'up` continues from there.',
    examples: [
      ['down', 'everything that `up` started here'],
      ['down --lab demo', 'only the daemons of one lab'],
      ['down --host b', 'only b'],
    ],
  }).option('--lab <name>', 'only daemons in the lab of that name');
  act<[], { lab?: string }>(command, context, async (run, options) => {
    const { lab } = options;
    const { host } = run.options;
    const all = await context.launcher.started();
    const chosen = all.filter(
      (daemon) => (lab === undefined || daemon.lab === lab) && (host === undefined || daemon.host === host),
    );
    const asked = lab !== undefined || host !== undefined;
    if (chosen.length === 0 && asked && all.length > 0) {
      throw new VnetError('VNET_ERR_NOT_FOUND', '`up` started no such daemon', {
        hint: `it started ${all.map((daemon) => daemon.host).join(', ')}`,
      });
    }
    const order = [...chosen]
      .reverse()
      .sort((a, b) => Number(a.role === 'proxy') - Number(b.role === 'proxy'));
    const stopped: StartedDaemon[] = [];
    for (const daemon of order) {
      await context.launcher.stop(daemon.stateDir);
      stopped.push(daemon);
      if (!run.json)
        run.print(
          `${run.paint.bad('-')} ${daemon.role === 'proxy' ? 'the Proxy' : 'host'} ${run.paint.host(daemon.host)}  ${run.paint.faint(`process ${daemon.pid}`)}`,
        );
    }
    if (run.json) return run.printJson(stopped);
    if (stopped.length === 0) run.print('Nothing to stop: `up` started no daemon here.');
  });
}
