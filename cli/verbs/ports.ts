import type { Command } from 'commander';
import type { PortView } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { count, octets } from '../format.js';
import { act, addVerb, GROUPS, type Run } from '../run.js';

export function addPorts(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'ports',
    group: GROUPS.look,
    summary: 'ports of a daemon, and who is behind them',
    about:
      'Lists the ports of the daemon at the socket (or of another with --host): where frames of VMs and LANs enter ' +
      'and leave. A guarded port admits only the addresses of its VMs; a source that it refused is named with the ' +
      'command that admits it.',
    examples: [
      ['ports', "this daemon's ports"],
      ['ports --host b', "b's ports"],
      ['interfaces', 'interfaces that could become a port'],
    ],
  });
  act(command, context, async (run) => {
    const view = await run.view();
    if (run.json) return run.printJson(view.ports);
    const names = await run.names();
    const { faint, warn } = run.paint;
    run.printTable(
      [
        { title: 'PORT', flex: true },
        { title: 'NETWORK' },
        { title: 'ROLE' },
        { title: 'STATE', flex: true },
        { title: 'IN', right: true },
        { title: 'OUT', right: true },
        { title: 'FRAMES', right: true },
        { title: 'DROPS', right: true },
        { title: 'OWNER' },
        { title: 'ADDRESSES', flex: true },
      ],
      view.ports.map((port) => [
        port.port,
        port.network,
        port.role,
        portState(run, port),
        octets(port.inBytes),
        octets(port.outBytes),
        count(port.inFrames + port.outFrames),
        count(port.drops),
        port.owner,
        port.macs.map((mac) => names.label(mac)).join(', '),
      ]),
      'No ports: `vnet vm add` or `vnet port add` makes one.',
    );
    for (const port of view.ports) {
      for (const mac of port.refused) {
        run.print(
          `${warn(`refused at ${port.port}: ${mac}`)}  ${faint(`admit it: vnet vm add NAME on ${view.host} mac ${mac} port ${port.port}`)}`,
        );
      }
    }
  });
}

/** `up` with a remark is a warning; a port that is not up says why. */
export function portState(run: Run, port: PortView): string {
  if (!port.up) return run.paint.bad(port.state === '' ? 'down' : port.state);
  return port.state === '' || port.state === 'up' ? run.paint.good('up') : run.paint.warn(port.state);
}

export function addInterfaces(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'interfaces',
    group: GROUPS.look,
    summary: 'network interfaces that could become ports',
    about:
      'Lists the network interfaces of the machine of the daemon at the socket (or of another with --host), and ' +
      'the kinds of port each could be. LINKS: the links of this host use the interface; as a port, take another ' +
      'where there is one.',
    examples: [
      ['interfaces', "this machine's interfaces"],
      ['interfaces --host b --json', "b's, for scripts"],
    ],
  });
  act(command, context, async (run) => {
    const { interfaces } = await run.view();
    if (run.json) return run.printJson(interfaces);
    run.printTable(
      [
        { title: 'INTERFACE' },
        { title: 'STATE' },
        { title: 'LINKS' },
        { title: 'MAC' },
        { title: 'AS A PORT' },
        { title: 'ADDRESSES', flex: true },
      ],
      interfaces.map((each) => [
        each.name,
        each.up ? run.paint.good('up') : run.paint.faint('down'),
        each.linksFrom === undefined ? '' : run.paint.warn('yes'),
        each.mac ?? '',
        each.usableAs.map((kind) => `${kind}:${each.name}`).join(' '),
        each.addresses.join(' '),
      ]),
      'No interfaces.',
    );
  });
}
