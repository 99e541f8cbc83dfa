import type { Command } from 'commander';
import type { LocalView, OverlayView } from '../../core/index.js';
import { adaptationIfAny, stateLine } from '../adapt/index.js';
import type { CliContext } from '../context.js';
import { count, duration, octets, plural } from '../format.js';
import { moment } from '../moment.js';
import { act, addVerb, GROUPS, type Run } from '../run.js';
import { showReservations } from '../reservations.js';
import { portState } from './ports.js';

export function addStatus(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'status',
    group: GROUPS.look,
    summary: 'how the daemon and the overlay are',
    about:
      'Shows the daemon at the socket (or another with --host): its Proxy, networks, links and drops. Beneath ' +
      'stands the overlay as the Proxy sees it: hosts and whether they are ready, VMs, routes that are suspended, adaptation. ' +
      'Look here first when something does not work. Works, for the daemon itself, while the Proxy is away.',
    examples: [
      ['status', 'this daemon and the whole overlay'],
      ['status --host b', "what b's daemon says of itself"],
      [
        "status --json | jq '.overlay.hosts'",
        'for scripts: { local, overlay, adaptation }, the last two null while the Proxy is away',
      ],
    ],
  });
  act(command, context, async (run) => {
    const local = await run.view();
    const overlay = await run.overlayIfReachable();
    const adaptation = overlay && (await adaptationIfAny(run));
    if (run.json) {
      const { settings, state, adapted } = adaptation ?? {};
      const adapting = adaptation ? { mode: settings?.mode, state, adapted } : null;
      return run.printJson({ local, overlay: overlay ?? null, adaptation: adapting });
    }
    showDaemon(run, local);
    showNetworks(run, local);
    showLinks(run, local);
    showPorts(run, local);
    showReservations(run, local.reservations);
    showDrops(run, local);
    if (overlay) {
      showOverlay(run, overlay);
      if (adaptation) run.print(stateLine(run, adaptation));
    } else
      run.print(
        '',
        run.paint.warn('The Proxy is away: what follows from it (hosts, VMs, routes) is not known here.'),
      );
  });
}

function showDaemon(run: Run, local: LocalView): void {
  const { strong, host, faint, good, bad, warn } = run.paint;
  const role = local.role === 'proxy' ? 'Proxy' : 'host';
  run.print(
    `${strong(role)} ${host(local.host)}  ${faint(`version ${local.version}, up ${duration(local.uptimeMs)}, ${octets(local.residentBytes)} resident`)}`,
  );
  if (local.role !== 'proxy') {
    const { name, connected, state } = local.proxy;
    const text = connected ? good('connected') : bad('not connected');
    run.print(`Proxy ${host(name)}  ${text}${connected ? '' : `  ${faint(state)}`}`);
  }
  const open = [...(local.sealed.links ? [] : ['links']), ...(local.sealed.control ? [] : ['control'])];
  if (open.length > 0) {
    run.print(
      warn(`${open.join(' and ')} ${open.length > 1 || open[0] === 'links' ? 'are' : 'is'} not sealed yet`) +
        faint(': use networks that you trust'),
    );
  }
}

function showNetworks(run: Run, local: LocalView): void {
  run.print('');
  run.printTable(
    [
      { title: 'NETWORK' },
      { title: 'ID', right: true },
      { title: 'MTU', right: true },
      { title: 'EPOCH', right: true },
      { title: 'PORTS', right: true },
      { title: 'RULES', right: true },
    ],
    local.networks.map((network) => [
      network.name,
      String(network.id),
      String(network.mtu),
      String(network.epoch),
      String(local.ports.filter((port) => port.network === network.name).length),
      String(local.rules.filter((rule) => rule.network === network.id).length),
    ]),
    'No networks yet: apply a script, `vnet apply SCRIPT`.',
  );
}

function showLinks(run: Run, local: LocalView): void {
  const { strong, good, bad, host, faint } = run.paint;
  const down = local.links.filter((link) => !link.up);
  const up = local.links.length - down.length;
  run.print(
    '',
    `${strong('Links')}  ${good(`${up} up`)}, ${down.length > 0 ? bad(`${down.length} down`) : '0 down'}`,
  );
  for (const link of down)
    run.print(`  ${bad(run.glyphs.off)} ${link.type} to ${host(link.peer)}  ${faint(link.state)}`);
}

/** Only those that are not simply up. */
function showPorts(run: Run, local: LocalView): void {
  const remarkable = local.ports.filter((port) => !port.up || !['', 'up'].includes(port.state));
  if (remarkable.length === 0) return;
  run.print(run.paint.strong('Ports'));
  for (const port of remarkable) {
    const glyph = port.up ? run.paint.warn('!') : run.paint.bad(run.glyphs.off);
    run.print(`  ${glyph} ${port.port}  ${portState(run, port)}`);
  }
}

function showDrops(run: Run, local: LocalView): void {
  const drops = Object.entries(local.drops).sort(([, a], [, b]) => b - a);
  if (drops.length === 0) return;
  run.print(
    `${run.paint.strong('Drops')}  ${drops.map(([reason, frames]) => `${reason} ${count(frames)}`).join(', ')}`,
  );
}

function showOverlay(run: Run, overlay: OverlayView): void {
  const { strong, faint, host, warn } = run.paint;
  run.print('', `${strong('Overlay')}  ${faint(`revision ${overlay.revision}`)}`);
  run.printTable(
    [
      { title: 'HOST' },
      { title: 'ROLE' },
      { title: 'PHASE' },
      { title: 'SINCE' },
      { title: 'VMS', flex: true },
    ],
    overlay.hosts.map((each) => [
      host(each.name),
      each.proxy ? 'Proxy' : 'host',
      phaseText(run, each.phase),
      moment(each.since),
      overlay.vms
        .filter((vm) => vm.host === each.name && !vm.learnt)
        .map((vm) => run.paint.vm(vm.name))
        .join(' '),
    ]),
    'No hosts yet: apply a script, `vnet apply SCRIPT`.',
  );
  const learnt = overlay.vms.filter((vm) => vm.learnt).length;
  const { boundMs, measuredMs } = overlay.configurationTime;
  run.print(
    '',
    `${plural(overlay.vms.length - learnt, 'VM')}${learnt > 0 ? `, ${plural(learnt, 'address')} learnt from LANs` : ''}; configuration takes ${duration(measuredMs)} at most so far, the bound is ${duration(boundMs)}`,
  );
  for (const { network, edges, since } of overlay.fallenTrees ?? []) {
    const dead = edges.map(([a, b]) => `${host(a)} ${run.glyphs.both} ${host(b)}`).join(', ');
    run.print(
      `${warn('group tree')} of ${network}: broadcasts take the star since ${moment(since)}; no live link ${dead}`,
    );
  }
  for (const route of overlay.suspended) {
    run.print(warn(`Suspended: route ${route.from} ${run.glyphs.arrow} ${route.to}: ${route.reason}`));
  }
}

/** `ready`, `pending` or `away`, painted. */
export function phaseText(run: Run, phase: OverlayView['hosts'][number]['phase']): string {
  if (phase === 'ready') return run.paint.good(phase);
  return phase === 'away' ? run.paint.bad(phase) : run.paint.warn(phase);
}
