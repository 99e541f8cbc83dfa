import { deepStrictEqual as deepEqual, ok } from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { benefit } from './cases.js';
import { type Chart, drawChart, linearScale, logScale, tickText } from './chart/index.js';
import { toCsv } from './csv.js';
import { readOptions } from './options.js';
import { parseTicks } from './processor-watch.js';
import { agreement, meanInterval, pairedGain, reached } from './statistics.js';
import { rateBetween } from './workload.js';

t.test('CSV: columns as they first appear, what needs quotes has them', async (t) => {
  const rows = [
    { run: 1, text: 'a, "b"', share: 0.5 },
    { run: 2, later: true, share: Number.NaN, text: undefined },
  ];
  t.equal(toCsv(rows), 'run,text,share,later\r\n1,"a, ""b""",0.5,\r\n2,,,true\r\n');
});

t.test('CSV read back is what was written', async () => {
  const cell = fc.string({ minLength: 1 });
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1 }), (pairs) => {
      const rows = pairs.map(([a, b]) => ({ a, b }));
      deepEqual(
        readCsv(toCsv(rows)).slice(1),
        pairs.map(([a, b]) => [a, b]),
      );
    }),
  );
});

/** Character by character, as RFC 4180 says it. */
function readCsv(text: string): string[][] {
  const lines: string[][] = [];
  let [line, cell, quoted]: [string[], string, boolean] = [[], '', false];
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? '';
    if (quoted && character === '"' && text[at + 1] === '"') cell += text[++at];
    else if (character === '"') quoted = !quoted;
    else if (quoted) cell += character;
    else if (character === ',') [line, cell] = [[...line, cell], ''];
    else if (character === '\r' && text[at + 1] === '\n') {
      lines.push([...line, cell]);
      [line, cell] = [[], ''];
      at++;
    } else cell += character;
  }
  return lines;
}

t.test('confidence of a mean, by the book', async (t) => {
  // Mean 4.12, standard deviation 0.19235, t(4) 2.776: half-width 0.2388.
  const { mean, low, high } = meanInterval([4.1, 3.9, 4.4, 4.0, 4.2]);
  t.match(
    [mean, low, high].map((value) => value.toFixed(3)),
    ['4.120', '3.881', '4.359'],
  );
  t.equal(meanInterval([3]).high, Number.POSITIVE_INFINITY);
  const same = pairedGain([
    { on: 10, off: 10 },
    { on: 20, off: 20 },
    { on: 5, off: 5 },
  ]);
  t.strictSame(same, { mean: 0, low: 0, high: 0 }, 'what disturbs both of a pair cancels');
  t.ok(pairedGain([90, 91, 89, 90].map((on) => ({ on, off: 100 }))).high < 0, 'a tenth less is seen');
});

t.test('predictions', async (t) => {
  const exact = [1, 2, 4].map((predicted) => ({ predicted, measured: predicted }));
  t.equal(agreement(exact).medianError, 0);
  t.ok(Math.abs(agreement(exact).correlation - 1) < 1e-9);
  const turned = [1, 2, 4].map((predicted) => ({ predicted, measured: 1 / predicted }));
  t.ok(agreement(turned).correlation < -0.99);
  t.ok(Number.isNaN(agreement([{ predicted: 0, measured: 1 }]).medianError), 'nothing predicted');
});

t.test('when a benefit shows', async (t) => {
  const at = (unixMs: number, rate: number) => ({ unixMs, rate });
  const samples = [at(1000, 2), at(1250, 9), at(1500, 2), at(1750, 7), at(2000, 8), at(2250, 10)];
  t.equal(reached(samples, 6, 2)?.unixMs, 1750, 'one peak is none');
  t.equal(reached(samples, 20, 1), undefined);
  t.equal(rateBetween(samples, 1500, 2000), 7.5);
  const record = { at: new Date(1200).toISOString() } as never;
  const found = benefit(samples, { before: 2, after: 10, records: [record] }, 1100);
  t.strictSame(found, { decisionToBenefitMs: 550, switchToBenefitMs: 650 });
  t.strictSame(benefit(samples, { before: 2, after: 10, records: [] }, 1100), {}, 'nothing was decided');
  t.strictSame(benefit(samples, { before: 9, after: 8, records: [record] }, 1100), {}, 'nothing was gained');
});

t.test('scales hold their values between their ends, ticks ascend', async () => {
  const value = fc.double({ min: 1e-3, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 9 }), (values) => {
      for (const scale of [linearScale(Math.max(...values), [0, 100]), logScale(values, [0, 100])]) {
        ok(values.every((each) => scale.at(each) >= -1e-6 && scale.at(each) <= 100 + 1e-6));
        ok(
          scale.ticks.length >= 1 &&
            scale.ticks.every((tick, i) => i === 0 || tick > (scale.ticks[i - 1] ?? 0)),
        );
      }
    }),
  );
  deepEqual([0, 0.25, 1500, 2e6].map(tickText), ['0', '0.25', '1500', '2e+6']);
});

t.test('charts: words, units and every run are in the drawing', async (t) => {
  const frame = { title: 'A < B & "C"', xLabel: 'VMs', yLabel: 'time (s)' };
  const charts: Chart[] = [
    {
      ...{ ...frame, kind: 'bars', groups: ['one', 'two'] },
      series: [
        { name: 'paper', hollow: true, samples: [[3], []] },
        { name: 'vnet', samples: [[1, 2, 4], [Number.NaN]] },
      ],
    },
    {
      ...frame,
      kind: 'lines',
      xLog: true,
      series: [{ name: 'vnet', points: [{ x: 4, samples: [1, 2, 4] }] }],
    },
    {
      ...frame,
      kind: 'scatter',
      log: true,
      series: [
        {
          name: 'vnet',
          points: [
            { x: 1, y: 2 },
            { x: 0, y: 1 },
          ],
        },
      ],
    },
  ];
  for (const chart of charts) {
    const svg = drawChart(chart);
    for (const text of ['A &lt; B &amp; &quot;C&quot;', 'VMs', 'time (s)', 'vnet'])
      t.ok(svg.includes(text), text);
    t.notMatch(svg, /NaN|undefined|Infinity/, chart.kind);
    t.equal(svg.match(/<svg/g)?.length, 1);
    if (chart.kind !== 'scatter') t.equal(svg.match(/r="2"/g)?.length, 3, 'a dot a run');
  }
});

t.test('options', async (t) => {
  t.match(readOptions({ figure: ['13'], runs: '5', seed: '7', out: 'x' }, ['12', '13']), {
    ...{ figures: ['13'], runs: 5, seed: 7, out: 'x', quick: false },
  });
  t.throws(() => readOptions({ runs: '0' }, []), /--runs is a whole number from 1/);
  t.throws(() => readOptions({ figure: ['15'] }, ['12', '13']), /there are 12, 13/);
  t.equal(readOptions({}, []).runs, undefined, "the study's own number");
});

t.test('processors, from /proc/stat', async (t) => {
  t.strictSame(parseTicks('cpu  10 1 5 100 4 0 2 0 9 9\ncpu0 1 1 1 1\n'), { all: 122, busy: 18 });
});
