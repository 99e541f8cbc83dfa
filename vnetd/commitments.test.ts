import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type HostConfig, type LinkConfig, ManualClock, MemoryStore, type VnetError } from '../core/index.js';
import { Commitments, type Step } from './commitments.js';

const link = (id: string, reservedBitsPerSecond?: number): LinkConfig => ({
  ...{ id, peer: id, type: 'udp', owner: 'user', secret: '', preference: 1 },
  dial: { address: '192.0.2.1', port: 7700 },
  ...(reservedBitsPerSecond === undefined ? {} : { reservedBitsPerSecond }),
});

/** With a command that takes a moment, and does not reserve more than 99. */
function bed(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'vnet-commit-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const [log, command] = [join(folder, 'log'), join(folder, 'reserve')];
  writeFileSync(
    command,
    `#!/bin/sh
read line; sleep 0.05
rate=$(echo "$line" | sed 's/.*bitsPerSecond"://;s/}//')
echo "$1 $rate" >> ${log}
test "$1" = release || test "$rate" -le 99 || { echo "too much" >&2; exit 1; }
`,
  );
  chmodSync(command, 0o755);
  const place = { host: 'h', store: new MemoryStore(), hierarchy: undefined };
  const problems: string[] = [];
  let config: HostConfig = { host: 'h', revision: 0, networks: [], links: [], ports: [], rules: [] };
  const commitments = new Commitments(
    { ...place, reserve: { how: `exec:${command}` }, cpu: 'none' },
    {
      clock: new ManualClock(),
      config: () => config,
      remoteOf: () => undefined,
      handles: () => new Map(),
      onProblem: ({ message }: VnetError) => problems.push(message),
    },
  );
  const carried: number[] = [];
  const step = (revision: number, links: LinkConfig[], more: Partial<Step> = {}): Promise<void> => {
    const next = { ...config, revision, links };
    const carryOut = () => {
      config = next;
      carried.push(revision);
    };
    return commitments.carry({ links, next: () => next, carryOut, tolerant: false, ...more });
  };
  const calls = (): string[] => {
    const text = existsSync(log) ? readFileSync(log, 'utf8').trim() : '';
    rmSync(log, { force: true });
    return text === '' ? [] : text.split('\n');
  };
  return { commitments, step, carried, calls, problems, links: () => config.links };
}

t.test('where nothing is promised it is carried out at once', async (t) => {
  const { step, carried } = bed(t);
  const done = step(1, [link('a')]);
  t.same(carried, [1]);
  await done;
});

t.test('in the order they came, each with its promises first', async (t) => {
  const { commitments, step, carried, calls, links } = bed(t);
  const all = [step(1, [link('a', 5)]), step(2, [link('a', 5), link('b')]), step(3, [link('b', 7)])];
  t.same(carried, [], 'what is reserved first takes a moment');
  await Promise.all(all);
  t.same(
    [carried, calls()],
    [
      [1, 2, 3],
      ['reserve 5', 'reserve 7', 'release 5'],
    ],
  );
  t.same(links(), [link('b', 7)]);
  t.match(commitments.views(), [{ of: 'udp b', state: 'held' }]);
  await commitments.close();
  t.same(calls(), ['release 7']);
});

t.test('what fails is undone', async (t) => {
  const { step, carried, calls, problems, commitments } = bed(t);
  await step(1, [link('a', 5)]);
  await t.rejects(step(2, [link('a', 5), link('b', 500)]), /too much/);
  t.same([carried, calls()], [[1], ['reserve 5', 'reserve 500', 'release 500']]);
  const fails = () => {
    throw new Error('the rules clash');
  };
  await t.rejects(step(3, [link('b', 7)], { carryOut: fails }), /the rules clash/);
  t.same([carried, calls()], [[1], ['reserve 7', 'release 7']], 'and what was there is kept');
  t.match(commitments.views(), [{ of: 'udp a', state: 'held' }]);
  await t.rejects(
    step(4, [link('a', 5)], { cpu: [{ vm: 'x', periodUs: 1000, sliceUs: 500 }], carryOut: fails }),
  );
  await step(5, [link('b', 500)], { tolerant: true });
  t.same([carried, problems.length], [[1, 5], 1], 'the whole configuration of a host stops at nothing');
});
