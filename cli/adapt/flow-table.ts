/** What each flow gets now and would get then, the busiest first. */
import type { FlowPrediction } from '../../core/index.js';
import { plural, shortBitRate } from '../format.js';
import type { Run } from '../run.js';
import { gainText } from './numbers.js';

/** More are counted, not shown, unless all are asked for. */
const FLOWS_SHOWN = 12;

export function showFlows(run: Run, flows: readonly FlowPrediction[], all: boolean): void {
  if (flows.length === 0) return;
  const { vm, host, faint, strong } = run.paint;
  const busiest = [...flows].sort((a, b) => b.measured - a.measured || b.fairThen - a.fairThen);
  const shown = all ? busiest : busiest.slice(0, FLOWS_SHOWN);
  const path = (hosts: readonly string[]): string =>
    hosts.length === 0 ? 'none' : hosts.map((name) => host(name)).join(' ');
  run.print('', `${strong('Flows')}  ${faint('bit/s; fair: by max-min fair shares of the paths')}`);
  run.printTable(
    [
      { title: 'FROM' },
      { title: 'TO' },
      { title: 'MEASURED', right: true },
      { title: 'FAIR NOW', right: true },
      { title: 'THEN', right: true },
      { title: 'GAIN', right: true },
      { title: 'PATH NOW', flex: true },
      { title: 'PATH THEN', flex: true },
    ],
    shown.map(({ from, to, measured, fairNow, fairThen, pathNow, pathThen }) => [
      vm(from),
      vm(to),
      shortBitRate(measured),
      shortBitRate(fairNow),
      shortBitRate(fairThen),
      fairNow > 0 ? gainText(fairThen / fairNow - 1) : fairThen > 0 ? gainText(null) : '',
      path(pathNow),
      pathNow.join(' ') === pathThen.join(' ') ? faint('the same') : path(pathThen),
    ]),
    '',
  );
  const rest = flows.length - shown.length;
  if (rest > 0) run.print(faint(`and ${plural(rest, 'flow')} more: --all`));
}
