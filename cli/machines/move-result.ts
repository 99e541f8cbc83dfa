/** What became of moves, in a sentence each. */
import type { MoveResult } from '../../core/index.js';
import { duration, octets, plural } from '../format.js';
import type { Run } from '../run.js';

/** True: every VM is where it should be. */
export function showMoves(run: Run, results: readonly MoveResult[]): boolean {
  if (run.json) run.printJson(results);
  else for (const result of results) run.print(...resultLines(run, result));
  return results.every(({ outcome }) => outcome === 'moved');
}

function resultLines(run: Run, result: MoveResult): string[] {
  const { good, bad, warn, vm, host, faint } = run.paint;
  const { from, to, via, reason } = result;
  const way = [from, ...(via === undefined ? [] : [via]), to].map(host).join(' -> ');
  const why = reason === undefined ? '' : `: ${reason}`;
  if (result.outcome === 'stayed') return [`${bad('Stayed.')} ${vm(result.vm)} runs on ${host(from)}${why}`];
  if (result.outcome === 'unknown') {
    return [
      `${warn('Unknown.')} ${vm(result.vm)} runs on ${host(from)} or ${host(to)}${why}`,
      faint('  It is started nowhere until both hosts can be asked, or you vouch for one with --fence.'),
    ];
  }
  return [
    `${good('Moved.')} ${vm(result.vm)} ${way} in ${duration(result.totalMs)}`,
    ...figures(result).map((line) => faint(`  ${line}`)),
  ];
}

function figures(result: MoveResult): string[] {
  const { downtimeMs, switchMs, transferredBytes, heldFrames, lostFrames, outputLost } = result;
  const stopped = [
    ...(downtimeMs === undefined ? [] : [`stopped for ${duration(downtimeMs)}`]),
    ...(switchMs === undefined ? [] : [`paths followed in ${duration(switchMs)}`]),
    ...(transferredBytes === undefined ? [] : [`${octets(transferredBytes)} copied`]),
  ];
  const frames = [
    ...(heldFrames === undefined ? [] : [`${plural(heldFrames, 'frame')} waited`]),
    ...(lostFrames === undefined ? [] : [lostFrames === 0 ? '0 lost' : `at most ${lostFrames} lost`]),
  ];
  const lines = [stopped, frames].filter((parts) => parts.length > 0).map((parts) => parts.join(', '));
  return outputLost ? [...lines, 'what it sent itself in that time is lost: a light VM runs on'] : lines;
}
