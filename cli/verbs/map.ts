import type { Command } from 'commander';
import type { LinkView, LocalView, OverlayView, VmView } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { roundTrip } from '../format.js';
import { pad } from '../table.js';
import { plain } from '../palette.js';
import { act, addVerb, GROUPS, type Run } from '../run.js';
import { survey } from '../survey.js';
import { phaseText } from './status.js';

export function addMap(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'map',
    group: GROUPS.look,
    summary: 'a drawing of the overlay',
    about:
      'Draws the overlay: the Proxy, the hosts of its star with state and round trip of each link, the VMs under ' +
      'the hosts they are on, and beneath it the links on top of the star. A host that is away stays on the map.',
    examples: [
      ['map', 'the whole overlay'],
      ['map --json', 'what it is drawn from: { overlay, hosts }'],
    ],
  });
  act(command, context, async (run) => {
    const overlay = await run.client.overview();
    const views = await survey(
      run,
      overlay.hosts.filter((host) => host.phase !== 'away').map((host) => host.name),
    );
    if (run.json) return run.printJson({ overlay, hosts: Object.fromEntries(views) });
    run.print(...drawMap(run, overlay, views));
  });
}

/** A link once, as seen from the end that answered; both ends agree about it but for moments. */
interface DrawnLink extends LinkView {
  from: string;
}

function drawMap(run: Run, overlay: OverlayView, views: Map<string, LocalView>): string[] {
  const { host, strong, faint } = run.paint;
  const { branch, last, bar } = run.glyphs;
  const proxy = overlay.hosts.find((each) => each.proxy);
  const links = uniqueLinks(views);
  const starLinks = links.filter((link) => link.from === proxy?.name || link.peer === proxy?.name);
  const lines: string[] = [];
  if (proxy) {
    lines.push(`${host(strong(proxy.name))}  ${faint('Proxy')}  ${phaseText(run, proxy.phase)}`);
    lines.push(...vmLines(run, vmsOn(overlay, proxy.name), bar));
  }
  const others = overlay.hosts.filter((each) => each !== proxy);
  const edges = new Map(
    others.map((each) => [
      each.name,
      edgeText(
        run,
        starLinks.filter((link) => link.from === each.name || link.peer === each.name),
      ),
    ]),
  );
  const width = Math.max(0, ...[...edges.values()].map((text) => plain(text).length));
  others.forEach((each, at) => {
    const isLast = at === others.length - 1;
    lines.push(bar.trimEnd());
    lines.push(
      `${isLast ? last : branch} ${pad(edges.get(each.name) ?? '', width)}  ${host(strong(each.name))}  ${phaseText(run, each.phase)}`,
    );
    lines.push(...vmLines(run, vmsOn(overlay, each.name), `${isLast ? '  ' : bar} ${' '.repeat(width + 2)}`));
  });
  const direct = links.filter((link) => !starLinks.includes(link));
  if (direct.length > 0) {
    lines.push('', strong('On top of the star'));
    const from = Math.max(...direct.map((link) => link.from.length));
    const texts = direct.map((link) => edgeText(run, [link]));
    const middle = Math.max(...texts.map((text) => plain(text).length));
    direct.forEach((link, at) => {
      const state = link.up ? '' : `  ${faint(link.state)}`;
      lines.push(
        `  ${pad(host(link.from), from)} ${pad(texts[at] ?? '', middle)} ${host(link.peer)}${link.owner === 'user' ? '' : faint(`  ${link.owner}`)}${state}`,
      );
    });
  }
  return lines.length > 0 ? lines : [faint('Nothing to draw yet: apply a script, `vnet apply SCRIPT`.')];
}

/** Every link once, whichever ends answered, ordered by its ends. */
function uniqueLinks(views: Map<string, LocalView>): DrawnLink[] {
  const byId = new Map<string, DrawnLink>();
  for (const [host, view] of views) {
    for (const link of view.links) {
      const known = byId.get(link.id);
      if (!known) byId.set(link.id, { ...link, from: host });
      else if (!link.up)
        byId.set(link.id, { ...known, up: false, state: known.up ? link.state : known.state });
      else if (known.rttUs === 0) byId.set(link.id, { ...known, rttUs: link.rttUs });
    }
  }
  const key = (link: DrawnLink): string => `${link.from} ${link.peer} ${link.type}`;
  return [...byId.values()].sort((a, b) => key(a).localeCompare(key(b), 'en', { numeric: true }));
}

/** `── tcp 20.3 ms ──`, broken and red where it is down. */
function edgeText(run: Run, links: DrawnLink[]): string {
  const { line, broken } = run.glyphs;
  const live = links.find((link) => link.up);
  const link = live ?? links[0];
  if (!link) return run.paint.faint(`${broken} no link ${broken}`);
  if (!live) return run.paint.bad(`${broken} ${link.type} down ${broken}`);
  const rtt = live.rttUs > 0 ? ` ${roundTrip(live.rttUs)}` : '';
  return run.paint.good(`${line} ${live.type}${rtt} ${line}`);
}

const vmsOn = (overlay: OverlayView, host: string): VmView[] => overlay.vms.filter((vm) => vm.host === host);

function vmLines(run: Run, vms: VmView[], indent: string): string[] {
  const { vm, faint } = run.paint;
  const width = Math.max(0, ...vms.map((each) => each.name.length));
  return vms.map((each, at) => {
    const stem = at === vms.length - 1 ? run.glyphs.last : run.glyphs.branch;
    const marks = [
      each.port ?? '',
      ...(each.pinned ? ['pinned'] : []),
      ...(each.learnt ? ['learnt'] : []),
    ].filter((mark) => mark !== '');
    const macs = each.macs.filter((mac) => mac !== each.name).join(' ');
    return `${indent}${faint(stem)} ${pad(vm(each.name), width)}  ${macs}  ${faint(marks.join('  '))}`.trimEnd();
  });
}
