/** The diagnosis on the screen: a row for each hop, the bottleneck, the rest. */
import type { EchoStats } from '../echoes.js';
import { bitRate, percent, roundTrip, shortBitRate } from '../format.js';
import type { Run } from '../run.js';
import { wrap } from '../table.js';
import { columnsOf } from '../topology-text.js';
import { estimateText } from '../underlay-text.js';
import type { Diagnosis } from './diagnose.js';
import { TROUBLE_WEIGHT } from './finding.js';
import { piecesOf } from './hop-trouble.js';
import type { Hop, PairObservation } from './observation.js';

export function showDiagnosis(run: Run, seen: PairObservation, diagnosis: Diagnosis): void {
  const { strong, vm, faint } = run.paint;
  const hosts = (end: PairObservation['from']): string => (end.vm ? faint(` on ${end.vm.host}`) : '');
  run.print(
    `${strong(vm(seen.from.text))}${hosts(seen.from)} ${run.glyphs.both} ${strong(vm(seen.to.text))}${hosts(seen.to)}` +
      (seen.network === undefined ? '' : faint(`   network ${seen.network}, MTU ${seen.mtu ?? 'not known'}`)),
  );
  if (seen.echoes) run.print(echoText(seen.echoes.small, seen.echoes.full));
  if (seen.rate) {
    const { there, back } = seen.rate;
    run.print(`traffic of the pair now: ${bitRate(there)} there, ${bitRate(back)} back`);
  }
  if (seen.hops.length > 0) {
    run.print('');
    printHops(run, seen);
  }
  run.print('');
  showFindings(run, diagnosis);
  for (const text of seen.unseen) run.print(faint(`not seen: ${text}`));
}

function echoText(small: EchoStats, full: EchoStats): string {
  const one = (stats: EchoStats, what: string): string => {
    const rtt = stats.rtt
      ? `${roundTrip(stats.rtt.p50Us)} (99%: ${roundTrip(stats.rtt.p99Us)})`
      : 'no answer';
    return `${what} ${rtt}, ${percent(stats.lossRatio)} lost`;
  };
  return `echoes: ${one(small, 'small')}; ${one(full, 'full size')}`;
}

function printHops(run: Run, seen: PairObservation): void {
  const { host } = run.paint;
  const cpu = new Map(seen.hosts.map((each) => [each.host, each.cpuShare]));
  run.printTable(
    [
      { title: 'HOP' },
      { title: 'BY' },
      { title: 'LINK' },
      { title: 'IN USE', right: true },
      { title: 'FREE', right: true },
      { title: 'CAPACITY', right: true },
      { title: 'RTT', right: true },
      { title: 'LOSS', right: true },
      { title: 'DROPS', right: true },
      { title: 'FULL SIZE' },
      { title: 'CPU', right: true },
    ],
    seen.hops.map((hop) => {
      const { estimate, link } = hop;
      const busy = cpu.get(hop.from);
      return [
        `${host(hop.from)} ${run.glyphs.arrow} ${host(hop.to)}`,
        wayText(run, hop, seen),
        link ? link.type : run.paint.faint('not known'),
        estimateText(run, estimate?.throughputBitsPerSecond, shortBitRate),
        estimateText(run, estimate?.availableBitsPerSecond, shortBitRate),
        estimateText(run, estimate?.capacityBitsPerSecond, shortBitRate),
        estimate?.rttUs ? estimateText(run, estimate.rttUs, roundTrip) : roundTrip(link?.rttUs ?? 0),
        estimateText(run, estimate?.lossRatio, percent),
        hop.linkDrops > 0 ? run.paint.bad(`+${hop.linkDrops}`) : link ? '0' : '',
        piecesText(run, hop, seen.mtu),
        busy === undefined ? '' : percent(busy),
      ];
    }),
    '',
  );
}

function wayText(run: Run, hop: Hop, seen: PairObservation): string {
  if (hop.ground) return run.paint.warn('ground');
  return seen.hops.filter((other) => other.way === hop.way).length > 1 ? 'relayed' : run.paint.good('direct');
}

function piecesText(run: Run, hop: Hop, mtu: number | undefined): string {
  if (!hop.link) return '';
  const pieces = piecesOf(hop.link.datagramBytes, mtu);
  return pieces === 1 ? 'whole' : run.paint.warn(`${pieces} pieces`);
}

function showFindings(run: Run, { trouble, bottleneck, findings }: Diagnosis): void {
  const { strong, good, bad, faint, code } = run.paint;
  const indent = 2;
  const body = (text: string): string[] => wrap(text, Math.min(columnsOf(run), 96), indent);
  if (!trouble) run.print(good('Nothing is wrong on this way.'));
  run.print(
    `${strong(trouble ? bad('Bottleneck') : 'Bottleneck')}  ${bottleneck.text}`,
    ...(bottleneck.evidence === undefined ? [] : body(bottleneck.evidence).map(faint)),
    `  ${faint('next:')} ${code(bottleneck.next)}`,
  );
  const rest = findings.filter((finding) => finding !== bottleneck);
  for (const [title, some] of [
    ['Also wrong', rest.filter((finding) => finding.weight >= TROUBLE_WEIGHT)],
    ['Worth knowing', rest.filter((finding) => finding.weight < TROUBLE_WEIGHT)],
  ] as const) {
    if (some.length === 0) continue;
    run.print('', strong(title));
    for (const finding of some)
      run.print(
        `  ${finding.text}${finding.evidence === undefined ? '' : faint(`  ${finding.evidence}`)}`,
        `  ${faint('next:')} ${code(finding.next)}`,
      );
  }
}
