import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { DEFAULT_SIGHT, type TrafficStep, VnetError } from '../../core/index.js';
import { FakeOverlay } from '../fake-overlay.js';
import { bodyOf, vnet } from '../fake-world.js';

const START_MS = Date.parse('2026-01-02T03:00:00Z');
const RATE = { bytes: 100_000, frames: 100 };

type Edges = (count: number) => [number, number][];
const ring: Edges = (count) => Array.from({ length: count }, (_, at) => [at, (at + 1) % count]);
const star: Edges = (count) => Array.from({ length: count - 1 }, (_, at) => [0, at + 1]);

/** One step an update period: a ring of six for half of the time, then a star. */
function steps(count: number, network = 'lab'): TrafficStep[] {
  return Array.from({ length: count }, (_, at) => ({
    serial: at + 1,
    atMs: START_MS + at * DEFAULT_SIGHT.updateMs,
    network,
    pairs: (at < count / 2 ? ring : star)(6).map(([a, b]) => [
      `v${a + 1}`,
      `v${b + 1}`,
      RATE.bytes,
      RATE.frames,
    ]),
  }));
}

const file = (t: { testdir(): string }): string => join(t.testdir(), 'run.vnetlog');

t.test('what is recorded is replayed as it was declared, or with other parameters', async (t) => {
  const overlay = new FakeOverlay();
  const all = steps(150);
  overlay.historyPages = [
    { next: 0, missed: 0, steps: [] },
    { next: 100, missed: 0, steps: all.slice(0, 100) },
    { next: 150, missed: 0, steps: all.slice(100) },
  ];
  const path = file(t);
  const recorded = await vnet(`record ${path} --for 1s`, { overlay });
  t.equal(recorded.code, 0, recorded.err);
  t.match(recorded.out, `150 steps written to ${path} in 1.0 s`);
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  t.match(JSON.parse(lines[0] ?? ''), { vnet: 'traffic', parameters: DEFAULT_SIGHT });
  t.strictSame(
    lines.slice(1).map((line) => JSON.parse(line)),
    all,
  );

  const { code, out } = await vnet(`replay ${path}`);
  t.equal(code, 0);
  t.match(
    out,
    /^2026-01-02 03:00:0\d +\+.* {2}lab {2}ring of 6\n2026-01-02 03:00:1\d +\+1\d\.\d s {2}lab {2}star around v1\n2 declarations in 150 steps of 29\.8 s\n$/,
  );
  const declared = (text: string): { atMs: number; text: string }[] =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  const [, quick] = declared((await vnet(`replay ${path} --json`)).out);
  const [, slow] = declared((await vnet(`replay ${path} --json --smoothing 5s`)).out);
  t.match([quick?.text, slow?.text], ['star around v1', 'star around v1']);
  t.ok((slow?.atMs ?? 0) > (quick?.atMs ?? 0), 'more smoothing declares later');
  t.match((await vnet(`replay ${path} --draw`)).out, '┌─ v1 ── v2 ── v3 ─┐');
  t.match((await vnet(`replay ${path} --every 5s`)).out, /\+5\.0 s {2}lab {2}ring of 6 \(confidence/);

  const packed = `${path}.gz`;
  writeFileSync(packed, gzipSync(readFileSync(path)));
  t.equal((await vnet(`replay ${packed}`)).out, out, 'unpacked by its name');
  const away = new FakeOverlay();
  away.daemonAway = true;
  t.equal((await vnet(`replay ${path}`, { overlay: away })).out, out, 'no daemon is needed');
});

t.test('a recorder says what it missed, waits for the Proxy, survives its restart', async (t) => {
  const overlay = new FakeOverlay();
  const [first, second, third] = steps(3);
  const page = (next: number, missed: number, found: object[] = []) => ({
    next,
    missed,
    steps: found as TrafficStep[],
  });
  const answers = [
    page(40, 0),
    page(47, 5, [
      { ...first, serial: 46 },
      { ...second, network: 'other', serial: 47 },
    ]),
    'away',
    'away',
    page(1, 0), // 47 is asked for, and there is one: another history
    page(1, 0, [{ ...third, serial: 1 }]),
  ] as const;
  const asked: number[] = [];
  overlay.history = async (after) => {
    const answer = answers[asked.push(after) - 1] ?? page(after, 0);
    if (answer === 'away') throw new VnetError('VNET_ERR_UNREACHABLE', 'the Proxy is away');
    return answer;
  };
  const path = file(t);
  const { out, err } = await vnet(`record ${path} --for 2500ms --network lab --json`, { overlay });
  t.match(JSON.parse(out), { steps: 2, missed: 5, pairs: 11 });
  t.strictSame(asked.slice(1, 7), [40, 47, 47, 47, 0, 1], 'from where it was, and nothing twice');
  t.strictSame(err.trim().split('\n'), [
    '5 steps were dropped before they were asked for',
    'the Proxy is away; waiting for the Proxy',
    'the Proxy is back',
    'the Proxy was started again: its history begins anew',
  ]);
  const serials = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line).serial);
  t.strictSame(serials, [46, 47], 'ascending over a restart, without the other network');
  t.equal((await vnet(`replay ${path}`)).code, 0);
});

t.test('--past begins with what is held, and does not call it missed', async (t) => {
  const overlay = new FakeOverlay();
  const asked: number[] = [];
  overlay.history = async (after) => {
    asked.push(after);
    if (after === 0) return { next: 90, missed: 90, steps: [] };
    return after === 90
      ? { next: 91, missed: 0, steps: steps(1).map((step) => ({ ...step, serial: 91 })) }
      : { next: after, missed: 0, steps: [] };
  };
  const { out } = await vnet(`record ${file(t)} --for 1s --past --json`, { overlay });
  t.match(JSON.parse(out), { steps: 1, missed: 0 });
  t.equal(asked[1], 90);
});

t.test('files that are no recordings, or are there already', async (t) => {
  const path = file(t);
  t.match((await vnet(`replay ${path}`)).err, /cannot read .*: there is no such file/);
  writeFileSync(path, '');
  t.match((await vnet(`replay ${path}`)).err, /run\.vnetlog is empty\nhint: `vnet record FILE` writes one/);
  writeFileSync(path, 'network lab\n');
  t.match(
    (await vnet(`replay ${path}`)).err,
    /run\.vnetlog: line 1 is not JSON\nhint: `vnet record FILE` writes/,
  );
  t.match((await vnet(`record ${path}`)).err, /is there already\nhint: --replace begins it anew/);
  t.equal(readFileSync(path, 'utf8'), 'network lab\n', 'and is left alone');
  t.equal(bodyOf((await vnet(`record /nowhere/x --json`)).err).code, 'VNET_ERR_INVALID');
  writeFileSync(`${path}.gz`, 'not packed');
  t.match((await vnet(`replay ${path}.gz`)).err, 'cannot read');
  const away = new FakeOverlay();
  away.proxyAway = true;
  t.match((await vnet(`record ${path} --replace`, { overlay: away })).err, 'the Proxy is away');
  t.equal(readFileSync(path, 'utf8'), 'network lab\n', 'nothing is opened where nobody answers');
});
