import type { Command } from 'commander';
import type { CliContext } from '../context.js';
import { addMoveOptions, type MoveFlags, moveOptions, showMoves, watchMoves } from '../machines/index.js';
import { NameBook } from '../names.js';
import { act, addVerb, ExitWith, GROUPS } from '../run.js';

export function addHost(program: Command, context: CliContext): void {
  const group = addVerb(program, {
    usage: 'host',
    group: GROUPS.change,
    summary: 'empty a host of its VMs',
    about: 'What concerns a whole host. `vnet status` lists the hosts.',
    examples: [['host drain a', 'move every VM of a elsewhere']],
  });
  const drain = addVerb(group, {
    usage: 'drain <host>',
    summary: 'move every VM of a host elsewhere',
    about:
      'For maintenance: finds room for each VM on the other hosts and moves them, as many at a time as the network ' +
      'bears, never more on a host than its memory holds. Pinned VMs stay and are named. Exit code 1 if one stays.',
    examples: [
      ['host drain a', 'everything off a'],
      ['host drain a --bandwidth 200M', 'gently'],
    ],
  });
  act<[string], MoveFlags>(addMoveOptions(drain), context, async (run, flags, host) => {
    const options = moveOptions(flags);
    const name = new NameBook(await run.client.overview()).host(host);
    const results = await watchMoves(run, (progress) => run.client.drainHost(name, options, progress));
    if (results.length === 0 && !run.json)
      return run.print(run.paint.good(`No VM of ours runs on ${run.paint.host(name)}.`));
    if (!showMoves(run, results)) throw new ExitWith(1);
  });
}
