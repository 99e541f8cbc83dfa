import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { VM_CPU_GROUP, type VmSpec, type VmTicket } from '../../core/index.js';
import { groupsOf, moveGroups, ownGroups, parseGroups } from './cpu-group.js';
import { NetnsDriver } from './driver.js';
import { networkNamed } from './identity.js';
import { interfaceNameOf, packetPortOf } from './interfaces.js';
import { NamespaceScan } from './processes.js';
import { issueTicket, keepWord, readTicket, removeWord, returnWord, takeWord, wordState } from './ticket.js';
import { Bed, ECHO, ip, noNamespaces, STREAM, type TestHost } from './testbed/bed.js';

function specOf(namespace: string, name = 'web', more: Partial<VmSpec> = {}): VmSpec {
  return {
    name,
    network: 'lab',
    mtu: 1400,
    macs: ['02:00:00:00:00:01' as VmSpec['macs'][number]],
    memoryBytes: 2 ** 20,
    cpus: 1,
    machine: { driver: 'netns', namespace },
    ...more,
  };
}

t.test('names', async (t) => {
  t.equal(interfaceNameOf('web'), 'web0');
  t.match(interfaceNameOf('a-name-of-15-ch'), /^v[0-9a-f]{13}$/);
  t.match(interfaceNameOf('ö'), /^v[0-9a-f]{13}$/);
  const driver = new NetnsDriver();
  t.equal(driver.portOf(specOf('n')), 'packet:web0');
  t.equal(driver.portOf(specOf('n', 'web', { port: 'packet:eth7' })), 'packet:eth7');
});

t.test('CPU groups', async (t) => {
  t.same(parseGroups('5:cpu,cpuacct:/a\n4:cpuset:/no\n1:name=systemd:/\n0::/b\n'), {
    'cpu,cpuacct': '/a',
    unified: '/b',
  });
});

t.test('tickets', async (t) => {
  const folder = t.testdir();
  const ticket = issueTicket(folder, 'web0');
  t.same(readTicket(ticket), ticket);
  t.equal(wordState(folder, ticket), 'free');
  t.ok(takeWord(folder, ticket));
  t.notOk(takeWord(folder, ticket), 'only once');
  returnWord(folder, ticket);
  t.ok(takeWord(folder, ticket));
  t.equal(wordState(folder, ticket), 'taken');
  keepWord(folder, ticket);
  t.equal(wordState(folder, ticket), 'sent');
  removeWord(folder, ticket);
  t.same(readdirSync(folder), []);
  t.throws(() => readTicket({ ...ticket, bootId: 'of another' }), {
    code: 'VNET_ERR_UNSUPPORTED',
    message: 'the destination is another machine',
  });
  t.throws(() => readTicket({ ...ticket, pid: 2 ** 22 }), { code: 'VNET_ERR_UNREACHABLE' });
  t.throws(() => readTicket({ ...ticket, network: 'net:[1]' }), { code: 'VNET_ERR_UNSUPPORTED' });
  for (const wrong of [{ word: '../../etc/passwd' }, { pid: '1' }, { cpuGroups: { cpu: '/../x' } }]) {
    t.throws(
      () => readTicket({ ...ticket, ...wrong } as VmTicket),
      { code: 'VNET_ERR_INVALID' },
      JSON.stringify(wrong),
    );
  }
});

const skip = noNamespaces();

/** What the client's stream said, so far. */
function listen(child: ChildProcess): { back(): number; words(): string } {
  let words = '';
  child.stdout?.on('data', (chunk: Buffer) => void (words += chunk.toString()));
  return { back: () => Number(/back (\d+)\n(?![^]*back)/.exec(words)?.[1] ?? 0), words: () => words };
}

async function until(what: string, check: () => boolean): Promise<void> {
  for (let waitedMs = 0; !check(); waitedMs += 5) {
    if (waitedMs > 10_000) throw new Error(`waited in vain for ${what}`);
    await sleep(5);
  }
}

async function move(from: TestHost, to: TestHost, spec: VmSpec): Promise<void> {
  const ticket = await to.call<VmTicket>({ call: 'receive', spec });
  await from.call({ call: 'send', spec, ticket });
  await to.call({ call: 'arrived', spec });
}

t.test('light VMs between two hosts', { skip }, async (t) => {
  const bed = new Bed();
  t.teardown(() => bed.close());
  const { host: a } = bed.host('a');
  const { host: b, namespace: networkB } = bed.host('b');
  await until('hosts', () => a.events.length > 0 && b.events.length > 0);
  const inside = bed.add('vm');
  const spec = specOf(inside);

  await a.call({ call: 'start', spec });
  await a.call({ call: 'start', spec });
  t.match(ip(`-n ${inside} link show eth0`), /mtu 1400[^]*02:00:00:00:00:01/, 'made as the statement says');
  ip(`-n ${inside} addr add 10.0.0.1/24 dev eth0`);
  ip(`-n ${inside} route add 10.9.0.0/16 via 10.0.0.9`);
  const echo = listen(bed.run(inside, ECHO));
  await until('the server', () => echo.words() !== '');
  const client = bed.client('c', '10.0.0.2/24');
  const stream = listen(bed.run(client, STREAM, '10.0.0.1'));
  await until('the stream', () => stream.back() > 0);

  await t.test('20 moves, one stream', async (t) => {
    for (let round = 0; round < 20; round++) {
      const [from, to] = round % 2 === 0 ? [a, b] : [b, a];
      const before = [from.events.length, to.events.length] as const;
      const back = stream.back();
      await move(from, to, spec);
      await until('the stream to go on', () => stream.back() > back);
      await until('the source to be told', () => from.events.length === before[0] + 2);
      const said = from.events.slice(before[0]);
      t.strictSame(
        said.map((entry) => entry.event),
        ['paused', 'ended'],
      );
      t.match(said[1]?.reason, /expected: true/);
      t.same(
        to.events.slice(before[1]).map((entry) => entry.event),
        ['running'],
      );
    }
    t.notMatch(stream.words(), /wrong|broken|closed/);
  });

  await t.test('refused before anything changes', async (t) => {
    const events = a.events.length;
    const ticket = await b.call<VmTicket>({ call: 'receive', spec });
    await b.call({ call: 'discard', spec });
    await t.rejects(b.call({ call: 'arrived', spec }), { code: 'VNET_ERR_CLOSED' });
    await t.rejects(
      a.call({ call: 'send', spec, ticket }),
      { code: 'VNET_ERR_CONFLICT' },
      'nobody waits any more',
    );
    const second = await b.call<VmTicket>({ call: 'receive', spec });
    await t.rejects(a.call({ call: 'send', spec, ticket: second, cancel: true }), {
      code: 'VNET_ERR_CLOSED',
      message: /cancelled/,
    });
    await b.call({ call: 'discard', spec });
    t.equal(a.events.length, events, 'the VM never stopped');
    t.equal(await a.call({ call: 'state', spec }), 'running');
    t.same(await b.call({ call: 'check', spec }), []);
    ip(`-n ${networkB} link add web0 type bridge`);
    t.match(await b.call({ call: 'check', spec }), [{ kind: 'port', blocking: true }]);
    await t.rejects(b.call({ call: 'receive', spec }), {
      code: 'VNET_ERR_CONFLICT',
      message: /another interface web0/,
    });
    ip(`-n ${networkB} link del web0`);
    const back = stream.back();
    await until('the stream', () => stream.back() > back);
  });

  await t.test('fails while the kernel is at it: it runs on', async (t) => {
    const ticket = await b.call<VmTicket>({ call: 'receive', spec });
    ip(`-n ${networkB} link add web0 type bridge`); // in the way, after the check
    const events = a.events.length;
    await t.rejects(a.call({ call: 'send', spec, ticket }), { code: 'VNET_ERR_INTERNAL', message: /exists/ });
    t.same(
      a.events.slice(events).map((entry) => entry.event),
      ['paused', 'running'],
    );
    ip(`-n ${networkB} link del web0`);
    await b.call({ call: 'discard', spec });
    const back = stream.back();
    await until('the stream', () => stream.back() > back);
  });

  await t.test('arrived: not to be discarded', async (t) => {
    const ticket = await b.call<VmTicket>({ call: 'receive', spec });
    await a.call({ call: 'send', spec, ticket });
    await t.rejects(b.call({ call: 'discard', spec }), { code: 'VNET_ERR_REFUSED' });
  });

  await t.test('moved by others: noticed', async (t) => {
    const networkC = bed.add('gone');
    ip(`-n ${networkB} link set web0 netns ${networkC}`);
    await until('the host to notice', () => b.events.at(-1)?.event === 'ended');
    t.match(b.events.at(-1)?.reason, /left this host, expected: false/);
    bed.remove(networkC);
    await until('the wire to die with the namespace', () => !ip(`-n ${inside} -o link`).includes('eth0'));
  });

  await t.test('the wire made anew, with the stream alive', async (t) => {
    await a.call({ call: 'start', spec });
    t.match(ip(`-n ${inside} route`), /10\.9\.0\.0\/16 via 10\.0\.0\.9/, 'routes are back');
    const back = stream.back();
    await until('the stream', () => stream.back() > back);
    const events = a.events.length;
    await b.call({ call: 'start', spec });
    t.equal(await b.call({ call: 'state', spec }), 'running');
    await until('the other host to notice', () => a.events.length > events);
    t.match(a.events.at(-1)?.reason, /left this host/, 'in one place at most');
  });

  await t.test('the destination dies with the ticket out', async (t) => {
    const { host: e } = bed.host('e');
    await until('the host', () => e.events.length > 0);
    const ticket = await e.call<VmTicket>({ call: 'receive', spec });
    await e.kill();
    await t.rejects(b.call({ call: 'send', spec, ticket }), { code: 'VNET_ERR_UNREACHABLE' });
    t.equal(await b.call({ call: 'state', spec }), 'running');
  });

  await t.test('adopt and stop', async (t) => {
    t.equal(await b.call({ call: 'adopt', spec }), true);
    t.equal(await a.call({ call: 'adopt', spec }), false);
    await b.call({ call: 'stop', spec });
    t.equal(await b.call({ call: 'adopt', spec }), false);
    const word = join(bed.folder, `${randomUUID()}.ticket.sent`);
    writeFileSync(word, packetPortOf(spec).replace('packet:', ''));
    t.equal(await b.call({ call: 'adopt', spec }), true, 'it came when nobody was there');
    t.equal(await b.call({ call: 'state', spec }), 'running');
    t.notOk(existsSync(word));
    await b.call({ call: 'stop', spec });
    t.match(ip(`netns pids ${inside}`), /\d/, 'its processes are the user’s, and live');
    const back = stream.back();
    await b.call({ call: 'start', spec });
    await until('the stream', () => stream.back() > back);
    t.notMatch(stream.words(), /wrong|broken|closed/);
  });
});

/** A hierarchy where groups can be made here, and where it is mounted. */
function hierarchies(): [string, string][] {
  const all = { ...ownGroups() };
  return Object.keys(all).flatMap((hierarchy) => {
    const roots =
      hierarchy === 'unified'
        ? ['/sys/fs/cgroup/unified', '/sys/fs/cgroup']
        : [`/sys/fs/cgroup/${hierarchy}`];
    const root = roots.find((candidate) => existsSync(`${candidate}/cgroup.procs`));
    return root === undefined || !mayWrite(root) ? [] : [[hierarchy, root] as [string, string]];
  });
}

function mayWrite(root: string): boolean {
  try {
    mkdirSync(`${root}/vt${process.pid}try`);
    rmdirSync(`${root}/vt${process.pid}try`);
    return true;
  } catch {
    return false;
  }
}

/** Hierarchies are mounted by real root only. */
const isRealRoot = /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
const groupsHere = skip || !isRealRoot ? [] : hierarchies();

t.test(
  'processes go to the CPU group of the destination',
  { skip: skip || (groupsHere.length === 0 && 'needs real root and cgroups') },
  async (t) => {
    const bed = new Bed();
    t.teardown(() => bed.close());
    const inside = bed.add('vm');
    for (const [hierarchy, root] of groupsHere) {
      const [from, to] = [`/vt${process.pid}a`, `/vt${process.pid}b`];
      const own = `${from}/${VM_CPU_GROUP}host:vm`;
      for (const path of [from, to, own]) mkdirSync(root + path);
      const child = bed.run(inside, 'setInterval(() => {}, 1e6); console.log(1)');
      const other = bed.run(inside, 'setInterval(() => {}, 1e6); console.log(1)');
      const words = [listen(child), listen(other)];
      await until('both', () => words.every((one) => one.words() !== ''));
      writeFileSync(`${root}${from}/cgroup.procs`, String(child.pid));
      const reserved = bed.run(inside, 'setInterval(() => {}, 1e6); console.log(1)');
      writeFileSync(`${root}${own}/cgroup.procs`, String(reserved.pid));
      const before = groupsOf(other.pid as number)[hierarchy];
      await moveGroups(networkNamed(inside) ?? '', { [hierarchy]: from }, { [hierarchy]: to });
      t.equal(groupsOf(child.pid as number)[hierarchy], to, `${hierarchy}: moved`);
      t.equal(groupsOf(reserved.pid as number)[hierarchy], to, "moved from the VM's own group");
      t.equal(groupsOf(other.pid as number)[hierarchy], before, 'in another group: left alone');
      const seen = new NamespaceScan().processesOf(networkNamed(inside) ?? '');
      t.same([...seen].sort(), [child.pid, other.pid, reserved.pid].sort(), 'all that are in the VM');
      const missing = moveGroups(
        networkNamed(inside) ?? '',
        { [hierarchy]: to },
        { [hierarchy]: '/no/such' },
      );
      await t.rejects(missing, { code: 'VNET_ERR_INTERNAL', message: /CPU group \/no\/such failed/ });
      const gone = [child, other, reserved].map((one) => new Promise((resolve) => one.once('exit', resolve)));
      child.kill('SIGKILL');
      other.kill('SIGKILL');
      reserved.kill('SIGKILL');
      await Promise.all(gone);
      for (const path of [own, from, to]) await until('an empty group', () => removed(root + path));
    }
  },
);

function removed(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch {
    return false;
  }
}

t.test('ten at once', { skip }, async (t) => {
  const bed = new Bed();
  t.teardown(() => bed.close());
  const { host: a } = bed.host('a');
  const { host: b } = bed.host('b');
  await until('hosts', () => a.events.length > 0 && b.events.length > 0);
  const specs = Array.from({ length: 10 }, (_, index) =>
    specOf(bed.add(`v${index}`), `v${index}`, {
      macs: [`02:00:00:00:01:0${index}` as VmSpec['macs'][number]],
    }),
  );
  await Promise.all(specs.map((spec) => a.call({ call: 'start', spec })));
  await Promise.all(specs.map((spec) => move(a, b, spec)));
  const states = await Promise.all(specs.map((spec) => b.call({ call: 'state', spec })));
  t.ok(states.every((state) => state === 'running'));
});

t.test('what cannot be', async (t) => {
  const driver = new NetnsDriver({ folder: t.testdir() });
  const works = (await driver.available()) === true;
  const unix = await driver.check(specOf('nowhere', 'web', { port: 'unix:/run/web.sock' }));
  t.match(unix, [{ kind: works ? 'port' : 'driver', blocking: true }]);
  if (!works) return;
  t.match(await driver.check(specOf('nowhere')), [{ kind: 'state', blocking: false }]);
  const from = { memoryBytes: 1, freeMemoryBytes: 1, cpus: 1, cpuModel: '', drivers: {} };
  t.match(await driver.check(specOf('nowhere'), from), [{ kind: 'reach', blocking: true, hint: /one lab/ }]);
  t.match(await driver.check(specOf('../etc')), [{ kind: 'port', blocking: true }]);
  const events = { paused: () => {}, running: () => {}, ended: () => {} };
  await t.rejects(driver.receive(specOf('nowhere'), 'packet:web0', {}, events), {
    code: 'VNET_ERR_CONFLICT',
  });
});
