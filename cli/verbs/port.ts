import type { Command } from 'commander';
import { type Topology, VnetError } from '../../core/index.js';
import { nearest } from '../../lang/index.js';
import { theOnly } from '../choice.js';
import type { CliContext } from '../context.js';
import { act, addVerb, GROUPS } from '../run.js';
import { applyStatement, parseStatement } from '../statement.js';

export function addPort(program: Command, context: CliContext): void {
  const group = addVerb(program, {
    usage: 'port',
    group: GROUPS.change,
    summary: 'add or delete a port that belongs to no VM',
    about:
      'A port for a LAN, or for a bridge with many VMs behind it. (The port of one VM is part of its own ' +
      'statement, see `vnet vm add`.) `vnet ports` lists them, `vnet interfaces` says what could be one.',
    examples: [
      ['port add bridge:br0 on home lan', 'join the LAN behind br0'],
      ['port delete home bridge:br0', 'and leave it'],
    ],
  });
  const add = addVerb(group, {
    usage: 'add <statement...>',
    summary: 'add a port',
    about:
      'Takes a port statement of the language without its first word: PORT on HOST, then lan (learns who is there) ' +
      'or vm (admits only registered addresses).',
    examples: [
      ['port add bridge:br0 on home lan', 'a bridge'],
      ['port add packet:eth1 on a vm', 'guarded: it admits only registered VMs'],
    ],
  }).option('--network <name>', 'where there are several networks');
  act<[string[]], { network?: string }>(add, context, async (run, options, words) => {
    const { topology } = await run.client.overview();
    const statement = parseStatement(run, topology, 'ports', `port ${words.join(' ')}`, options.network);
    await applyStatement(run, topology, 'add', 'ports', statement);
  });
  const remove = addVerb(group, {
    usage: 'delete <port...>',
    alias: 'del',
    summary: 'delete a port',
    about:
      'Takes the host and the port, or one of the two where that is enough. Removes the port from the host; what ' +
      'is behind it is no longer reached there.',
    examples: [
      ['port delete home bridge:br0', 'by host and specification'],
      ['port delete bridge:br0', 'on the only host that has it'],
    ],
  });
  act<[string[]]>(remove, context, async (run, _options, words) => {
    const { topology, hosts } = await run.client.overview();
    const wanted = portWords(
      hosts.map(({ name }) => name),
      words,
    );
    const fitting = topology.ports.filter(
      ({ host, port }) =>
        (wanted.host === undefined || host === wanted.host) &&
        (wanted.port === undefined || port === wanted.port || deviceOf(port) === wanted.port),
    );
    const statement = theOnly(
      topology,
      'ports',
      fitting,
      `ports fit ${words.join(' ')}`,
      ({ host, port }) => {
        return `port delete ${host} ${port}`;
      },
    );
    if (!statement) throw noPort(topology, wanted);
    await applyStatement(run, topology, 'remove', 'ports', statement);
  });
}

interface PortWords {
  host?: string;
  /** As in `bridge:br0`, or the name of the device alone. */
  port?: string;
}

const deviceOf = (port: string): string => port.slice(port.indexOf(':') + 1);

/** Host and port in either order, one of them at least. */
function portWords(hosts: readonly string[], words: string[]): PortWords {
  if (words.length > 2) {
    throw new VnetError('VNET_ERR_INVALID', 'a port is named by its host and specification', {
      hint: 'write `vnet port delete home bridge:br0`',
    });
  }
  const named = words.find((word) => hosts.includes(word));
  const others = words.filter((word) => word !== named);
  const [port] = others;
  if (others.length === 2) {
    const host = others.find((word) => !word.includes(':')) ?? port ?? '';
    const near = nearest(host, hosts);
    throw new VnetError('VNET_ERR_NOT_FOUND', `no host is called "${host}"`, {
      hint: near === undefined ? '`vnet status` lists the hosts' : `did you mean ${near}?`,
    });
  }
  return { ...(named === undefined ? {} : { host: named }), ...(port === undefined ? {} : { port }) };
}

/** Why there is nothing to delete. */
function noPort({ ports, vms }: Topology, { host, port }: PortWords): VnetError {
  const isHere = (each: { host: string }): boolean => host === undefined || each.host === host;
  const vm = vms.find((each) => isHere(each) && port !== undefined && each.port === port);
  const near =
    port === undefined
      ? undefined
      : nearest(
          port,
          ports.filter(isHere).map((each) => each.port),
        );
  const what = port === undefined ? 'no port' : `no port ${port}`;
  const where = host === undefined ? 'was added to any host' : `was added to ${host}`;
  return new VnetError('VNET_ERR_NOT_FOUND', `${what} ${where}`, {
    hint: vm
      ? `it belongs to the VM ${vm.name}: \`vnet vm delete ${vm.name}\``
      : near
        ? `did you mean ${near}?`
        : `\`vnet ports${host === undefined ? '' : ` --host ${host}`}\` lists the ports of a host`,
  });
}
