import { type Command, Option } from 'commander';
import type { MoveView, OverlayEvent, VmState } from '../../core/index.js';
import { outcomeText } from '../adapt/index.js';
import type { CliContext } from '../context.js';
import { plural } from '../format.js';
import { moment } from '../moment.js';
import { act, addVerb, GROUPS, type Run } from '../run.js';

const KINDS: OverlayEvent['kind'][] = [
  'host',
  'link',
  'port',
  'source',
  'vm',
  'vm-state',
  'conflict',
  'change',
  'tree',
  'topology',
  'adaptation',
  'error',
];

export function addEvents(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'events',
    group: GROUPS.look,
    summary: 'what happens, as it happens',
    about:
      'Follows the overlay until Ctrl-C: hosts that come and go, links and ports up and down, VMs that move, ' +
      'sources that a port refuses, changes, topologies that the traffic shows, what adaptation does. With --json each event is one line.',
    examples: [
      ['events', 'follow everything'],
      ['events --kind link --kind host', 'only these kinds'],
      ['events --json | jq \'select(.kind == "error")\'', 'for scripts: one JSON document a line'],
    ],
  }).addOption(new Option('--kind <kind...>', 'only these').choices(KINDS));
  act<[], { kind?: string[] }>(command, context, async (run, options) => {
    try {
      for await (const event of run.client.events(context.signal)) {
        if (options.kind && !options.kind.includes(event.kind)) continue;
        run.print(
          run.json ? JSON.stringify(event) : `${run.paint.faint(moment(event.at))}  ${eventText(run, event)}`,
        );
      }
    } catch (thrown) {
      if (!context.signal.aborted) throw thrown; // Ctrl-C may come while the connection is being made
    }
  });
}

export function eventText(run: Run, event: OverlayEvent): string {
  const { good, bad, warn, host, vm, faint, strong } = run.paint;
  const upDown = (up: boolean): string => (up ? good('up') : bad('down'));
  switch (event.kind) {
    case 'host': {
      const paint = event.phase === 'ready' ? good : event.phase === 'away' ? bad : warn;
      return `host    ${host(event.host)} ${paint(event.phase)}`;
    }
    case 'link':
      return `link    ${event.type} ${host(event.host)} ${run.glyphs.both} ${host(event.peer)} ${upDown(event.up)}  ${faint(event.reason)}`;
    case 'port':
      return `port    ${event.port} on ${host(event.host)} ${upDown(event.up)}  ${faint(event.reason)}`;
    case 'source':
      return `source  ${event.mac} at ${event.port} on ${host(event.host)} ${event.admitted ? good('learnt') : warn('refused')}${event.announced ? faint('  announced there') : ''}`;
    case 'vm':
      return `vm      ${vm(event.name)} ${event.change} ${event.change === 'removed' ? 'from' : event.change === 'moved' ? 'to' : 'on'} ${host(event.host)}`;
    case 'vm-state':
      return `vm      ${vm(event.vm)} ${vmState(run, event.state)} on ${host(event.host)}${moveText(run, event.move)}${event.reason ? `  ${faint(event.reason)}` : ''}`;
    case 'conflict':
      return `vm      ${vm(event.vm)} ${bad('is active at two places')}: ${event.mac} belongs on ${host(event.host)}, and ${host(event.elsewhere)} sends with it`;
    case 'change':
      return `change  revision ${event.revision}, ${plural(event.steps, 'step')}`;
    case 'tree':
      return `tree    ${event.network} ${event.fallen ? warn('group frames take the star') : good("group frames take the user's tree again")}${deadEdges(run, event.edges)}`;
    case 'topology':
      return `traffic ${event.network} ${strong(event.text)}`;
    case 'adaptation':
      return `adapt   ${event.network} ${outcomeText(run, event.outcome)}  ${event.text}`;
    case 'error':
      return `error   ${host(event.host)} ${bad(event.error.message)}${event.error.hint ? `  ${faint(event.error.hint)}` : ''}`;
  }
}

function vmState(run: Run, state: VmState): string {
  const { good, bad, warn } = run.paint;
  if (state === 'running') return good(state);
  return state === 'failed' || state === 'unknown' ? bad(state) : warn(state);
}

/** `, copying to b, 43%`. */
function moveText(run: Run, move: MoveView | undefined): string {
  if (!move) return '';
  const { transferredBytes = 0, remainingBytes = 0 } = move.transfer ?? {};
  const allBytes = transferredBytes + remainingBytes;
  const share = allBytes > 0 ? `, ${Math.floor((100 * transferredBytes) / allBytes)}%` : '';
  return `, ${move.phase} to ${run.paint.host(move.to)}${share}`;
}

/** Those that made the group tree fall. */
function deadEdges(run: Run, edges: readonly [string, string][]): string {
  if (edges.length === 0) return '';
  const names = edges.map(([a, b]) => `${a} ${run.glyphs.both} ${b}`).join(', ');
  return run.paint.faint(`  no live link: ${names}`);
}
