import type { Command } from 'commander';
import { type VmCheck, VnetError } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { addMoveOptions, type MoveFlags, moveOptions, showMoves, watchMoves } from '../machines/index.js';
import { NameBook } from '../names.js';
import { act, addVerb, ExitWith, type Run } from '../run.js';
import { vmNamed } from './vm-run.js';

/** `vm migrate`, `check`, `cancel`. */
export function addVmMove(group: Command, context: CliContext): void {
  const migrate = addVerb(group, {
    usage: 'migrate <vm> <host> [more...]',
    alias: 'move',
    summary: 'move running VMs to other hosts',
    about:
      'Moves a running VM: its addresses and open connections stay. Paths are made at the destination before, follow ' +
      'the moment it stops, and frames that come meanwhile wait. If anything fails it runs on where it was, and in ' +
      'no case in two places. Several moves are ordered so that no host is over its memory. Ctrl-C cancels. Exit ' +
      'code 1 if a VM is not where it should be.',
    examples: [
      ['vm migrate web b', 'to host b'],
      ['vm migrate web b db a', 'they change places'],
      ['vm migrate web b --bandwidth 200M --downtime 50ms', 'gently'],
      ['vm migrate web b --address 192.168.7.2', "the move's own traffic by another network"],
    ],
  });
  act<[string, string, string[]], MoveFlags>(
    addMoveOptions(migrate),
    context,
    async (run, flags, vm, host, more) => {
      const options = moveOptions(flags);
      const names = new NameBook(await run.client.overview());
      const moves = pairs([vm, host, ...more]).map(([name, to]) => ({
        vm: vmNamed(names, name),
        host: names.host(to),
      }));
      const results = await watchMoves(run, (progress) => run.client.moveVms({ moves, options }, progress));
      if (!showMoves(run, results)) throw new ExitWith(1);
    },
  );

  const check = addVerb(group, {
    usage: 'check <vm> <host>',
    summary: 'whether a VM can move to a host, and why not',
    about:
      'Asks both hosts, and touches nothing: room, CPU model, image and disk, driver, network. Exit code 0 if it ' +
      'can move, 2 if something stands in the way.',
    examples: [['vm check web b', 'before `vnet vm migrate web b`']],
  });
  act<[string, string]>(check, context, async (run, _options, vm, host) => {
    const names = new NameBook(await run.client.overview());
    const result = await run.client.checkVm(vmNamed(names, vm), names.host(host));
    if (run.json) run.printJson(result);
    else showCheck(run, result);
    if (!result.possible) throw new ExitWith(2);
  });

  const cancel = addVerb(group, {
    usage: 'cancel <vm>',
    summary: 'call a move off',
    about:
      'The VM runs on where it was. Once its memory is on the other side it is too late, and it arrives there.',
    examples: [['vm cancel web', 'as Ctrl-C in `vm migrate` does']],
  });
  act<[string]>(cancel, context, async (run, _options, vm) => {
    const name = vmNamed(new NameBook(await run.client.overview()), vm);
    await run.client.cancelMove(name);
    if (run.json) run.printJson({ vm: name, cancelled: true });
    else run.print(`${run.paint.good('Called off.')} \`vnet vms\` tells where ${run.paint.vm(name)} is.`);
  });
}

function pairs(words: string[]): [string, string][] {
  const last = words.at(-1) ?? '';
  if (words.length % 2 === 1) {
    throw new VnetError('VNET_ERR_INVALID', `where shall ${last} go?`, {
      hint: 'write pairs: vnet vm migrate web b db a',
    });
  }
  return words.flatMap((vm, i) => (i % 2 === 0 ? [[vm, words[i + 1] ?? ''] as [string, string]] : []));
}

function showCheck(run: Run, { vm, host, obstacles, possible }: VmCheck): void {
  const { good, bad, warn, faint, ...paint } = run.paint;
  const verdict = possible ? good('can move') : bad('cannot move');
  run.print(`${paint.vm(vm)} ${verdict} to ${paint.host(host)}${obstacles.length > 0 ? ':' : ''}`);
  for (const { message, hint, blocking } of obstacles) {
    run.print(`  ${blocking ? bad(run.glyphs.on) : warn(run.glyphs.off)} ${message}`);
    if (hint !== undefined) run.print(faint(`    ${hint}`));
  }
}
