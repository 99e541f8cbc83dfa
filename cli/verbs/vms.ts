import type { Command } from 'commander';
import type { VmStatus, VmView } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { NameBook } from '../names.js';
import { act, addVerb, GROUPS, type Run } from '../run.js';
import { survey } from '../survey.js';

export function addVms(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'vms',
    group: GROUPS.look,
    summary: 'VMs: names, addresses, where they are',
    about:
      'Lists the VMs of the overlay: name, addresses, host and port. Machines of a LAN, learnt at one of its ports, ' +
      'are listed too; they age out by themselves. With --host only those on that host. Beneath stand sources ' +
      'that a guarded port refused, each with the command that admits it. VMs that vnet runs show their state, and ' +
      'where they are going.',
    examples: [
      ['vms', 'every VM'],
      ['vms --host a', 'those on a'],
      ["vms --json | jq -r '.[].macs[]'", 'every address, for scripts'],
    ],
  });
  act(command, context, async (run) => {
    const overlay = await run.client.overview();
    if (run.options.host !== undefined) new NameBook(overlay).host(run.options.host);
    const vms = overlay.vms.filter((vm) => run.options.host === undefined || vm.host === run.options.host);
    const states = new Map((await run.client.vms()).map((status) => [status.vm, status]));
    if (run.json) return run.printJson(vms.map((vm) => ({ ...states.get(vm.name), ...vm })));
    showVms(run, vms, states);
    const ready = overlay.hosts.filter((host) => host.phase === 'ready').map((host) => host.name);
    const views = await survey(run, run.options.host === undefined ? ready : [run.options.host]);
    for (const [host, view] of views) {
      for (const port of view.ports) {
        for (const mac of port.refused) {
          const admit = `vnet vm add NAME on ${host} mac ${mac} port ${port.port}`;
          run.print(
            `${run.paint.warn(`not admitted: ${mac} at ${port.port} on ${host}`)}  ${run.paint.faint(`admit it: ${admit}`)}`,
          );
        }
      }
    }
  });
}

function showVms(run: Run, vms: VmView[], states: ReadonlyMap<string, VmStatus>): void {
  const { vm: vmName, host, faint } = run.paint;
  run.printTable(
    [
      { title: 'VM' },
      { title: 'NETWORK' },
      { title: 'ADDRESSES', flex: true },
      { title: 'HOST' },
      { title: 'PORT', flex: true },
      { title: 'STATE' },
      { title: 'OWNER' },
      { title: '', flex: true },
    ],
    vms.map((vm) => [
      vmName(vm.name),
      vm.network,
      vm.macs.join(' '),
      host(vm.host),
      vm.port ?? '',
      stateText(run, states.get(vm.name)),
      vm.owner,
      faint(remarks(vm, states.get(vm.name)).join(' ')),
    ]),
    'No VMs yet: `vnet vm add NAME on HOST mac ADDRESS port PORT`.',
  );
}

/** Empty for a VM that somebody else runs. */
function stateText({ paint }: Run, status: VmStatus | undefined): string {
  if (status?.state === undefined) return '';
  if (status.move !== undefined) return paint.warn('moving');
  if (status.state === 'running') return paint.good(status.state);
  return status.state === 'unknown' || status.state === 'failed'
    ? paint.bad(status.state)
    : paint.faint(status.state);
}

function remarks(vm: VmView, status: VmStatus | undefined): string[] {
  return [
    ...(vm.pinned ? ['pinned'] : []),
    ...(vm.learnt ? ['learnt'] : []),
    ...(status?.move === undefined ? [] : [`to ${status.move.to}, ${status.move.phase}`]),
    ...(status?.state === 'unknown' ? [`may run on ${status.mayRunOn.join(' or ')}`] : []),
    ...(status?.reason === undefined ? [] : [status.reason]),
  ];
}
