import type { Command } from 'commander';
import type { CliContext } from '../context.js';
import { count, octets, roundTrip } from '../format.js';
import { act, addVerb, GROUPS } from '../run.js';

export function addLinks(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'links',
    group: GROUPS.look,
    summary: 'links to and from a daemon',
    about:
      'Lists the links of the daemon at the socket (or of another with --host): to whom, over what, whether it is ' +
      'up, its round trip, what went over it, and who made it: the user, the star (auto) or adaptation (adapt). ' +
      'A link that is down says why.',
    examples: [
      ['links', "this daemon's links"],
      ['links --host b', "b's links, asked through the Proxy"],
      ["links --json | jq '.[] | select(.up | not)'", 'those that are down, for scripts'],
    ],
  });
  act(command, context, async (run) => {
    const { links } = await run.view();
    if (run.json) return run.printJson(links);
    const { good, bad, host, faint } = run.paint;
    run.printTable(
      [
        { title: 'PEER' },
        { title: 'TYPE' },
        { title: 'STATE', flex: true },
        { title: 'RTT', right: true },
        { title: 'DATAGRAM', right: true },
        { title: 'IN', right: true },
        { title: 'OUT', right: true },
        { title: 'FRAMES', right: true },
        { title: 'DROPS', right: true },
        { title: 'OWNER' },
        { title: 'REMOTE', flex: true },
      ],
      links.map((link) => [
        host(link.peer),
        link.type,
        link.up ? good('up') : bad(link.state === '' ? 'down' : link.state),
        link.up ? roundTrip(link.rttUs) : '',
        link.datagramBytes > 0 ? String(link.datagramBytes) : '',
        octets(link.inBytes),
        octets(link.outBytes),
        count(link.inFrames + link.outFrames),
        count(link.drops),
        link.owner,
        faint(link.remote ?? ''),
      ]),
      'No links yet.',
    );
  });
}
