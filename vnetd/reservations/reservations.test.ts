import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { type LinkConfig, MemoryStore, VnetError } from '../../core/index.js';
import type { LinkWish, Outcome, ReservationDriver } from './driver.js';
import { ExecReservations } from './exec-driver.js';
import { chooseReservations, NoReservations, Reservations } from './index.js';
import { endpointOf } from './reservations.js';
import { planClasses, reservableBps, tcLines, type TcPlan } from './tc-plan.js';

const wish = (
  id: string,
  bitsPerSecond: number,
  address = `10.0.0.${id.charCodeAt(0) - 96}`,
  port = 7700,
): LinkWish => ({
  id,
  type: 'udp',
  peer: id.toUpperCase(),
  remote: { address, port },
  bitsPerSecond,
});

// What `tc` would hold after the lines; throws where it would refuse one.

interface Held {
  root?: string;
  classes: Map<string, string>;
  queues: Map<string, string>;
  filters: Map<string, string>;
}
const nothing = (): Held => ({ classes: new Map(), queues: new Map(), filters: new Map() });

function run(held: Held, lines: readonly string[]): Held {
  for (const line of lines) {
    const [, root] = /^qdisc add dev \S+ root handle (\S+) htb default 1$/.exec(line) ?? [];
    const [, parent, classId, rest = ''] =
      /^class replace dev \S+ parent (\S+) classid (\S+) (.*)$/.exec(line) ?? [];
    const [, gone] = /^class del dev \S+ classid (\S+)$/.exec(line) ?? [];
    const [, queueOf, queue = ''] = /^qdisc replace dev \S+ parent (\S+) (bfifo .*)$/.exec(line) ?? [];
    const [, added, match = ''] =
      /^filter add dev \S+ parent \S+ protocol \S+ pref (\d+) (.*)$/.exec(line) ?? [];
    const [, dropped] = /^filter del dev \S+ parent \S+ pref (\d+)$/.exec(line) ?? [];
    const must = (holds: boolean) => {
      if (!holds) throw new Error(`tc would refuse: ${line}`);
    };
    if (root !== undefined) {
      must(held.root === undefined);
      held.root = root;
    } else if (classId !== undefined && parent !== undefined) {
      must(held.root !== undefined && (parent === held.root || held.classes.has(parent)));
      held.classes.set(classId, `${parent} ${rest}`);
    } else if (gone !== undefined) {
      must(
        held.classes.delete(gone) &&
          ![...held.filters.values()].some((text) => text.endsWith(`flowid ${gone}`)),
      );
      held.queues.delete(gone);
    } else if (queueOf !== undefined) {
      must(held.classes.has(queueOf));
      held.queues.set(queueOf, queue);
    } else if (added !== undefined) {
      must(!held.filters.has(added) && held.classes.has(match.split(' ').at(-1) ?? ''));
      held.filters.set(added, match);
    } else must(dropped !== undefined && held.filters.delete(dropped));
  }
  return held;
}

const wishes = fc.uniqueArray(
  fc
    .tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 1, max: 200 }), fc.constantFrom(7700, 7701))
    .map(([id, megabits, port]) => wish(id, megabits * 1e6, id === 'd' ? '2001:db8::4' : undefined, port)),
  { selector: ({ id }) => id },
);

/** Numbers of classes depend on the past; what they say does not. */
function meaning({ root, classes, queues, filters }: Held): unknown {
  const flows = [...filters.values()].map((match) => {
    const [flow = '', to = ''] = match.split(' flowid ');
    return [flow, classes.get(to), queues.get(to)];
  });
  return [
    root,
    flows.sort(),
    classes.size,
    classes.get('7abc:1'),
    classes.get('7abc:fffe'),
    queues.get('7abc:1'),
  ];
}

t.test('from one plan to another is the same as from nothing', async (t) => {
  let steps = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(wishes, fc.constantFrom(1e9, 2e9)), { minLength: 1, maxLength: 5 }),
      (changes) => {
        const held = nothing();
        let before: TcPlan | undefined;
        for (const [wanted, lineBps] of changes) {
          const after = planClasses(before, wanted, lineBps);
          run(held, tcLines('eth0', '7abc', before, after));
          const fresh = run(
            nothing(),
            tcLines('eth0', '7abc', undefined, planClasses(undefined, wanted, lineBps)),
          );
          if (JSON.stringify(meaning(held)) !== JSON.stringify(meaning(fresh)))
            throw new Error(JSON.stringify([meaning(held), meaning(fresh)], null, 1));
          const again = tcLines('eth0', '7abc', after, planClasses(after, wanted, lineBps));
          if (again.length > 0) throw new Error(`nothing changed, and yet ${again.join('; ')}`);
          before = after;
          steps++;
        }
      },
    ),
    { numRuns: 200 },
  );
  t.ok(steps > 300);
});

t.test('the classes of an interface', async (t) => {
  const plan = planClasses(undefined, [wish('a', 60e6), wish('b', 10e6, '2001:db8::2')], 100e6);
  t.matchOnly(tcLines('eth0', '7abc', undefined, plan), [
    'qdisc add dev eth0 root handle 7abc: htb default 1',
    /^class replace dev eth0 parent 7abc: classid 7abc:fffe htb rate 100000000bit ceil 100000000bit burst \d+ cburst \d+$/,
    /^class replace dev eth0 parent 7abc:fffe classid 7abc:1 htb rate 29020000bit ceil 100000000bit .* prio 7 quantum 65536$/,
    'qdisc replace dev eth0 parent 7abc:1 bfifo limit 625000',
    /^class replace dev eth0 parent 7abc:fffe classid 7abc:10 htb rate 60840000bit ceil 100000000bit .* prio 0 quantum 65536$/,
    /^qdisc replace dev eth0 parent 7abc:10 bfifo limit \d+$/,
    'filter add dev eth0 parent 7abc: protocol ip pref 16 u32 match ip dst 10.0.0.1/32 match ip protocol 17 0xff match ip dport 7700 0xffff flowid 7abc:10',
    /^class replace dev eth0 parent 7abc:fffe classid 7abc:11 htb rate 10140000bit/,
    /^qdisc replace dev eth0 parent 7abc:11 bfifo limit \d+$/,
    'filter add dev eth0 parent 7abc: protocol ipv6 pref 17 u32 match ip6 dst 2001:db8::2/128 match ip6 protocol 17 0xff match ip6 dport 7700 0xffff flowid 7abc:11',
  ]);
  t.equal(reservableBps(100e6), 95e6);
});

t.test('addresses of peers', async (t) => {
  t.strictSame(endpointOf('10.0.0.1:7700'), { address: '10.0.0.1', port: 7700 });
  t.strictSame(endpointOf('[::ffff:10.0.0.1]:7700'), { address: '10.0.0.1', port: 7700 });
  t.strictSame(endpointOf('[2001:db8::1]:7700'), { address: '2001:db8::1', port: 7700 });
  for (const bad of ['', 'a:7700', '10.0.0.1', '2001:db8::1:7700']) t.equal(endpointOf(bad), undefined);
});

/** Has room for `capacity`; counts what it is told. */
class FakeDriver implements ReservationDriver {
  readonly name = 'fake';
  readonly sets: string[] = [];
  cleared = 0;
  fails = false;

  constructor(readonly capacity = 100) {}

  async set(wanted: readonly LinkWish[]): Promise<ReadonlyMap<string, Outcome>> {
    this.sets.push(wanted.map(({ id, bitsPerSecond }) => `${id}${bitsPerSecond}`).join(' '));
    if (this.fails) throw new Error('no idea');
    let sum = 0;
    return new Map(
      wanted.map(({ id, bitsPerSecond }): [string, Outcome] => {
        if (sum + bitsPerSecond > this.capacity)
          return [id, { error: new VnetError('VNET_ERR_LIMIT', `no room for ${id}`) }];
        sum += bitsPerSecond;
        return [id, { text: 'held' }];
      }),
    );
  }

  async clear(): Promise<void> {
    this.cleared++;
  }
}

const link = (id: string, reserved?: number, address: string | undefined = '10.0.0.1'): LinkConfig => ({
  id,
  peer: id.toUpperCase(),
  type: 'udp',
  owner: 'user',
  secret: '',
  preference: 1,
  ...(address === '' ? {} : { dial: { address, port: 7700 } }),
  ...(reserved === undefined ? {} : { reservedBitsPerSecond: reserved }),
});

function bed(driver = new FakeDriver()) {
  const problems: string[] = [];
  const remotes = new Map<string, string>();
  const reservations = new Reservations({
    driver,
    onProblem: ({ message }) => problems.push(message),
    remoteOf: (id) => remotes.get(id),
  });
  const states = () => reservations.views().map(({ of, state }) => `${of} ${state}`);
  return { driver, problems, remotes, reservations, states };
}

t.test('made before the link, given back after', async (t) => {
  const { driver, reservations, states, problems } = bed();
  t.notOk(reservations.concern([link('x')]));
  await reservations.prepare([link('x'), link('a', 50)], false);
  await reservations.settle([link('x'), link('a', 50)]);
  t.ok(reservations.concern([]));
  await reservations.prepare([link('b', 30)], false);
  t.same(driver.sets.at(-1), 'a50 b30', 'the old is held until its link is gone');
  t.same(states(), ['udp A held', 'udp B held']);
  await reservations.settle([link('b', 30)]);
  t.same(driver.sets.at(-1), 'b30');
  await reservations.prepare([link('c', 90)], false);
  t.same(driver.sets.slice(-2), ['b30 c90', 'c90'], 'unless there is no room for both');
  await reservations.settle([link('c', 90)]);
  await reservations.close();
  await reservations.close();
  t.same(driver.sets.at(-1), '');
  t.same(problems, []);
});

t.test('what cannot be held is refused, and all is as before', async (t) => {
  const { driver, reservations, states, problems } = bed();
  await reservations.prepare([link('a', 50)], false);
  await t.rejects(reservations.prepare([link('a', 50), link('b', 60)], false), { message: 'no room for b' });
  t.same(driver.sets.at(-1), 'a50');
  t.same(states(), ['udp A held']);
  await t.rejects(reservations.prepare([link('a', 120)], false), { code: 'VNET_ERR_LIMIT' });
  t.same(driver.sets.at(-1), 'a50');
  t.same(problems, [], 'whoever asked was told');
  await reservations.prepare([link('a', 50), link('b', 60)], true);
  t.same(states(), ['udp A held', 'udp B failed']);
  await reservations.settle([link('a', 50), link('b', 60)]);
  t.same(problems, ['no room for b'], 'once');
  driver.fails = true;
  await reservations.settle([link('a', 50)]);
  t.same(problems, ['no room for b', 'no idea']);
});

t.test("a peer that dials us is waited for, and one's place is what was seen", async (t) => {
  const { driver, reservations, remotes, states } = bed();
  await reservations.prepare([link('a', 50, '')], false);
  t.same([driver.sets.at(-1), states()], ['', ['udp A waiting']]);
  remotes.set('a', '192.0.2.1:40000');
  reservations.linkUp('b');
  reservations.linkUp('a');
  await reservations.settle([link('a', 50, '')]);
  t.same([driver.sets.slice(-2), states()], [['a50', 'a50'], ['udp A held']]);
});

t.test('links that come up together are looked at together', async (t) => {
  const { driver, reservations } = bed();
  const links = [link('a', 5), link('b', 6), link('c', 7)];
  await reservations.settle(links);
  const before = driver.sets.length;
  for (const { id } of links) reservations.linkUp(id);
  await reservations.settle(links);
  reservations.linkUp('a');
  await reservations.settle(links);
  t.equal(driver.sets.length - before, 4, 'one look, and one after it was had');
});

t.test('a driver that takes its time stops no change', async (t) => {
  const driver = new FakeDriver(10);
  const { reservations, states, problems } = bed(driver);
  const set = driver.set.bind(driver);
  let release = () => {};
  driver.set = async (wanted) => {
    await new Promise<void>((resolve) => (release = resolve));
    return set(wanted);
  };
  await reservations.prepare([link('a', 50)], false);
  t.match(reservations.views(), [{ state: 'waiting', text: 'it is being reserved' }]);
  driver.set = set;
  release();
  await reservations.settle([link('a', 50)]);
  t.same([states(), problems], [['udp A failed'], ['no room for a']]);
});

t.test('a command of the user', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vnet-reserve-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const [log, command] = [join(folder, 'log'), join(folder, 'reserve')];
  writeFileSync(
    command,
    `#!/bin/sh
read line; echo "$1 $line" >> ${log}
case "$1 $line" in reserve*666*) echo "no such rate" >&2; exit 3;; esac
`,
  );
  chmodSync(command, 0o755);
  const calls = (): string[] => {
    const text = readFileSync(log, 'utf8').trim();
    writeFileSync(log, '');
    return text
      .split('\n')
      .map((line) => line.replace(/^(\w+) .*"link":"(\w+)".*"bitsPerSecond":(\d+).*$/, '$1 $2 $3'));
  };
  const store = new MemoryStore();
  const options = { host: 'h', command, store };
  const driver = new ExecReservations(options);
  await driver.set([wish('a', 5)]);
  t.match(
    readFileSync(log, 'utf8'),
    '{"link":"a","type":"udp","host":"h","peer":"A","remote":{"address":"10.0.0.1","port":7700},"bitsPerSecond":5}',
  );
  t.same(calls(), ['reserve a 5']);
  const outcomes = await driver.set([wish('a', 5), wish('b', 666), wish('c', 7)]);
  t.match(outcomes.get('b'), { error: { message: /failed: no such rate$/ } });
  t.match(outcomes.get('c'), { text: `reserved by ${command}` });
  t.same(calls(), ['reserve b 666', 'release b 666', 'reserve c 7'], 'what may be half done is given back');
  await driver.set([wish('a', 6), wish('c', 7)]);
  t.same(calls(), ['release a 5', 'reserve a 6']);
  // Another process of the daemon, after this one was killed.
  const next = new ExecReservations(options);
  await next.clear();
  t.same(calls().sort(), ['release a 6', 'release c 7']);
  await next.clear();
  t.equal(readFileSync(log, 'utf8'), '');
});

t.test('what was reserved in another way before is cleared, or told of', async (t) => {
  const store = new MemoryStore();
  const place = { host: 'h', store };
  await chooseReservations({ how: 'exec:true' }, place).set([wish('a', 5), wish('b', 5), wish('c', 5)]);
  const none = chooseReservations({ how: 'none' }, place);
  await t.rejects(none.clear(), { code: 'VNET_ERR_CONFLICT', message: /^3 links/ });
  const folder = mkdtempSync(join(tmpdir(), 'vnet-reserve-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const command = join(folder, 'release');
  writeFileSync(command, '#!/bin/sh\ngrep -qv \'"link":"a"\'\n', { mode: 0o755 });
  await t.rejects(chooseReservations({ how: `exec:${command}` }, place).clear(), /exit code 1/);
  await t.rejects(none.clear(), { message: /^1 links/ }, 'one that fails keeps no other');
  await chooseReservations({ how: 'exec:true' }, place).clear();
  await none.clear();
});

t.test('which driver', async (t) => {
  const place = { host: 'h', store: new MemoryStore() };
  t.equal(chooseReservations({ how: 'exec:true' }, place).name, 'exec');
  t.match(
    await chooseReservations({ how: 'none' }, place).set([wish('a', 1)]),
    new Map([['a', { error: { code: 'VNET_ERR_UNSUPPORTED' } }]]),
  );
  for (const how of ['exec:', 'tcp', ''])
    t.throws(() => chooseReservations({ how }, place), { code: 'VNET_ERR_INVALID' });
  const none = await new NoReservations('the program tc is missing', 'install iproute2').set([wish('a', 1)]);
  t.match(none.get('a'), {
    error: { message: 'this daemon reserves no bandwidth: the program tc is missing' },
  });
});
