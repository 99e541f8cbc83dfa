import type { Command } from 'commander';
import { VnetError } from '../../core/index.js';
import { nearest } from '../../lang/index.js';
import type { CliContext } from '../context.js';
import { NameBook } from '../names.js';
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
    usage: 'delete <host> <port>',
    alias: 'del',
    summary: 'delete a port',
    about: 'Removes a port from a host; what is behind it is no longer reached there.',
    examples: [
      ['port delete home bridge:br0', 'by host and specification'],
      ['port delete a packet:eth1 --json', 'the result, for scripts'],
    ],
  });
  act<[string, string]>(remove, context, async (run, _options, host, port) => {
    const overlay = await run.client.overview();
    new NameBook(overlay).host(host);
    const mine = overlay.topology.ports.filter((statement) => statement.host === host);
    const statement = mine.find((each) => each.port === port);
    if (!statement) {
      const vm = overlay.topology.vms.find((each) => each.host === host && each.port === port);
      const near = nearest(
        port,
        mine.map((each) => each.port),
      );
      throw new VnetError('VNET_ERR_NOT_FOUND', `no port ${port} was added to ${host}`, {
        hint: vm
          ? `it belongs to the VM ${vm.name}: \`vnet vm delete ${vm.name}\``
          : near
            ? `did you mean ${near}?`
            : `\`vnet ports --host ${host}\` lists its ports`,
      });
    }
    await applyStatement(run, overlay.topology, 'remove', 'ports', statement);
  });
}
