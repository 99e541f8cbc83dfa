import type { Command } from 'commander';
import { VnetError } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { NameBook } from '../names.js';
import { act, addVerb, GROUPS } from '../run.js';
import { applyStatement, parseStatement } from '../statement.js';
import { addVmMove } from './vm-move.js';
import { addVmRun } from './vm-run.js';

export function addVm(program: Command, context: CliContext): void {
  const group = addVerb(program, {
    usage: 'vm',
    group: GROUPS.change,
    summary: 'register, run and move VMs',
    about:
      'A registered VM is reachable from every other at once, without anyone writing rules: its port admits its ' +
      'addresses and every host learns where it is. `vnet vms` lists them.',
    examples: [
      ['vm add web on a mac 02:00:00:00:00:01 port tap:web0', 'a VM behind a TAP'],
      ['vm start web', 'boot it, where its statement says how'],
      ['vm migrate web b', 'move it to host b while it runs'],
      ['vm delete web', 'forget it'],
    ],
  });
  addVmRun(group, context);
  addVmMove(group, context);
  const add = addVerb(group, {
    usage: 'add <name> <statement...>',
    summary: 'register a VM, or change one',
    about:
      'Takes a VM statement of the language without its first word: NAME on HOST (or pinned on HOST), mac ADDRESS, ' +
      'port PORT, memory, cpu, run. One with that name is replaced.',
    examples: [
      ['vm add web on a mac 02:00:00:00:00:01 port tap:web0', 'on a, behind a TAP'],
      ['vm add db pinned on b mac 02:00:00:00:00:02 port packet:vnet7', 'where adaptation never moves it'],
    ],
  }).option('--network <name>', 'where there are several networks');
  act<[string, string[]], { network?: string }>(add, context, async (run, options, name, words) => {
    const { topology } = await run.client.overview();
    const statement = parseStatement(run, topology, 'vms', `vm ${name} ${words.join(' ')}`, options.network);
    await applyStatement(run, topology, 'add', 'vms', statement);
  });
  const remove = addVerb(group, {
    usage: 'delete <vm>',
    alias: 'del',
    summary: 'forget a VM',
    about:
      'Removes a VM, by name or address, from the registry: its port closes, and no host knows it any more. The VM itself runs on.',
    examples: [
      ['vm delete web', 'by name'],
      ['vm delete 02:00:00:00:00:01', 'by address'],
    ],
  });
  act<[string]>(remove, context, async (run, _options, text) => {
    const overlay = await run.client.overview();
    const names = new NameBook(overlay);
    const name = names.find(names.resolve(text))?.name ?? text;
    const statement = overlay.topology.vms.find((vm) => vm.name === name);
    if (!statement) {
      throw new VnetError('VNET_ERR_NOT_FOUND', `${name} was not registered by hand`, {
        hint: 'an address learnt from a LAN ages out by itself',
      });
    }
    await applyStatement(run, overlay.topology, 'remove', 'vms', statement);
  });
}
