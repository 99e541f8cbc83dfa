import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { VnetError } from '../core/index.js';
import { printTopology } from '../lang/index.js';
import { contains, coreAddress, parseSubnet, toAddress, toNumber } from './address.js';
import { runCommand } from './command.js';
import { makeDemoLab } from './demo/demo-overlay.js';
import { Stage } from './demo/stage.js';
import {
  emptySpec,
  emulatorProgram,
  ensurePrivilege,
  hasNetem,
  type Lab,
  type LabSpec,
  listLabs,
  makeLab,
  openLab,
  type MeasureOptions,
  type PathMeasurement,
  parseLab,
  pathBetween,
  reexecInUserNamespace,
  removeLab,
} from './index.js';
import { complete } from './layout.js';
import { planPairs, planShaping } from './plan.js';
import { shapingLines } from './shaping.js';
import { defaultRoot, isAlive, loadState } from './state.js';
import { topologyOf } from './topology.js';

const privilege = ensurePrivilege();
// An ordinary user's run of this file is the run in a user namespace; its TAP output is ours.
if (privilege.means === 'reexec') process.exit(reexecInUserNamespace());
const skip = privilege.means === 'direct' ? false : 'needs root or user namespaces';
// On an idle machine the file takes a quarter of this.
t.setTimeout(90_000);
const NAME = `t${process.pid}`;

const WAN = `
underlay 10.77.0.0/24
host home
host a rate 100M delay 20ms   # its access
host b loss 1%
pair * home rate 50M
pair a b rate 1G delay 0ms
path b a loss 5%
vm web on a mac 02:00:00:00:00:01 ip 10.0.0.1/24 mtu 1400
lan home br0 ip 10.0.0.254/24
lan home br0 client c1 ip 10.0.0.100/24 gateway 10.0.0.254
cpu a 50%
load b 20%
seed 7
`;

function between(spec: LabSpec, from: string, to: string) {
  const [a, b] = [from, to].map((name) => spec.hosts.find((host) => host.name === name));
  if (a === undefined || b === undefined) throw new Error('no such host');
  return pathBetween(spec, a, b);
}

t.test('the lab file', async (t) => {
  const spec = parseLab(WAN);
  t.strictSame(spec.hosts[1], { name: 'a', rateBps: 100e6, delayMs: 20, cpuPercent: 50 });
  t.strictSame(spec.lans, [
    {
      host: 'home',
      bridge: 'br0',
      ips: ['10.0.0.254/24'],
      clients: [{ name: 'c1', ips: ['10.0.0.100/24'], gateway: '10.0.0.254' }],
    },
  ]);
  t.match(spec.vms, [{ name: 'web', host: 'a', mac: '02:00:00:00:00:01', mtu: 1400 }]);
  t.equal(spec.seed, 7);
  t.match(between(spec, 'home', 'a'), { rateBps: 50e6, delayMs: 20, loss: 0, up: true });
  t.match(between(spec, 'a', 'b'), { rateBps: 1e9, delayMs: 0, loss: 0.01 });
  t.match(between(spec, 'b', 'a'), { rateBps: 1e9, delayMs: 0, loss: 0.05 }, 'one direction of a pair');
  const twoFamilies = complete(
    parseLab('underlay 10.1.0.0/29\nunderlay fd77::/64\nhost a address fd77::9\nhost b\n'),
  );
  t.strictSame(
    twoFamilies.hosts.map((host) => host.addresses),
    [
      ['10.1.0.1', 'fd77::9'],
      ['10.1.0.2', 'fd77::1'],
    ],
  );
  t.throws(() => complete(parseLab('underlay 10.1.0.0/30\nhost a\nhost b\n')), { code: 'VNET_ERR_LIMIT' });
});

t.test('mistakes in a lab file', async (t) => {
  const cases: [string, string][] = [
    [
      'hots a',
      "f:1: expected one of underlay, host, pair, path, vm, lan, cpu, load, seed, impair, got 'hots'",
    ],
    ['host a rate fast', "f:1: expected a rate such as 100M, 1.5G, 64k or 'none', got 'fast'"],
    ['host a delay 20', "f:1: expected a time such as 20ms, 500us or 1s (at most a minute), got '20'"],
    ['host a loss 120%', "f:1: expected a percentage from 0% to 100%, got '120%'"],
    ['host a delay', 'f:1: expected a time, got the end of the line'],
    [
      'host a colour red',
      "f:1: expected one of rate, delay, jitter, loss, reorder, mtu, address, got 'colour'",
    ],
    ['host a\nhost a', "f:2: expected a new host name, got 'a' again"],
    ['host a\nvm x a', "f:2: expected 'on', got 'a'"],
    ['vm x on a', "f:1: expected a host declared on an earlier line, got 'a'"],
    [
      'host a\nvm x on a ip 10.0.0.1',
      "f:2: expected an address with prefix length such as 10.0.0.1/24, got '10.0.0.1'",
    ],
    ['host a\nvm x on a mac 1:2', 'f:2: "1:2" is not an Ethernet address'],
    ['host a mtu 20', "f:1: expected a whole number from 576 to 9216, got '20'"],
    ['host a\ncpu a 50', "f:2: expected a percentage from 2% to 6400%, got '50'"],
    ['host a\nload a 50% now', "f:2: expected the end of the line, got 'now'"],
    ['underlay 10.77.0.1/24\nhost a', "f: expected a network address, 10.77.0.0/24, got '10.77.0.1/24'"],
    ['host a address 10.9.0.1', 'f: host a: 10.9.0.1 is in no underlay (10.77.0.0/24)'],
    ['host a\npair a z delay 1ms', "f: pair a z: no host 'z'\nf: pair z a: no host 'z'"],
    ['host a\nvm a on a', "f: the name 'a' is taken"],
    ['host core', "f: the name 'core' is taken"],
    ['host a\nlan a br0\nvm br on a', "f: host a: the interface name 'br0' is taken"],
    ['host a\nvm x on a port unix:x.sock', "f: x: expected unix: and an absolute path, got 'x.sock'"],
    ['host a\nvm x on a port unix:/x\nvm y on a port unix:/x', "f: y: the socket '/x' is taken"],
    [
      `host a\nvm x on a port unix:/${'x'.repeat(107)}`,
      `f: x: the path '/${'x'.repeat(107)}' is longer than 107 octets`,
    ],
    ['host a\nlan a br0 client c port unix:/x', 'f: c: a client of a LAN has no Unix socket'],
    ['', 'f: expected at least one host'],
    [
      'host a x\nhost b y',
      "f:1: expected one of rate, delay, jitter, loss, reorder, mtu, address, got 'x'\nf:2: expected one of rate, delay, jitter, loss, reorder, mtu, address, got 'y'",
    ],
  ];
  for (const [text, message] of cases) {
    t.throws(() => parseLab(text, 'f'), { code: 'VNET_ERR_INVALID', message }, JSON.stringify(text));
  }
  t.throws(
    () => parseLab('network lab\nproxy p at 10.0.0.1:7700\nhost a\nvm x on a port tap:x\n', 'my.vnet'),
    {
      message: 'my.vnet is no lab file; it seems to be a topology script',
      hint: /`vnet check my.vnet`/,
    },
  );
  t.throws(() => parseLab('\u007fELF\0\0', 'f'), {
    message: 'f is no lab file; it seems to be a program (ELF)',
  });
  await t.rejects(makeLab(emptySpec(), { name: 'no such name' }), { code: 'VNET_ERR_INVALID' });
  const wrong = { ...emptySpec(), hosts: [{ name: 'a', loss: 3, delayMs: Number.NaN }] };
  await t.rejects(makeLab(wrong), { code: 'VNET_ERR_INVALID', message: /loss from 0 to 1/ });
});

t.test('addresses', async (t) => {
  for (const text of [
    '0.0.0.0',
    '10.77.0.254',
    '::',
    '::1',
    'fd77::',
    'fd77::ffff:0:1',
    '1:0:0:2::3',
    '2001:db8::1',
  ]) {
    t.equal(toAddress(toNumber(text), text.includes(':') ? 6 : 4), text);
  }
  t.equal(toNumber('::ffff:1.2.3.4'), 0xffff01020304n);
  t.equal(coreAddress(parseSubnet('10.77.0.0/24')), '10.77.0.254');
  t.equal(coreAddress(parseSubnet('fd77::/64')), 'fd77::ffff');
  t.ok(contains(parseSubnet('10.77.0.0/24'), '10.77.0.9'));
  t.notOk(contains(parseSubnet('10.77.0.0/24'), '10.77.1.9'));
});

t.test('ways and shaping', async (t) => {
  const spec = complete(
    parseLab('host a rate 100M\nhost b\nhost c\npair a b rate 1G\npair b c rate 10M delay 1ms\n'),
  );
  const plans = planPairs(spec, false);
  t.equal(plans.get('a>b')?.way, 'direct');
  t.equal(plans.get('b>c')?.way, 'whole');
  t.equal(planPairs(spec, true).get('b>c')?.way, 'split');
  const shaping = planShaping(spec, plans);
  t.strictSame([...shaping.keys()].sort(), ['/em0', '/up0', '/up1', 'a/u0']);
  const before = shaping.get('/up0')?.shaping;
  t.strictSame(shapingLines('up0', before, before), [], 'no difference, no lines');
  t.strictSame(shapingLines('up0', before, undefined), ['qdisc del dev up0 root']);
  const made = shapingLines('up0', undefined, before);
  t.equal(made[0], 'qdisc add dev up0 root handle 1: htb default 1');
  t.match(made, [/qdisc add/, /class replace .*classid 1:1 htb rate 100000000bit/, /bfifo limit 1250000/]);
  t.ok(made.some((line) => line.includes('u32 match ip src 10.77.0.2/32 flowid 1:')));
});

/** What a test makes it removes, whatever happens. */
async function withLab(text: string, name: string, work: (lab: Lab) => Promise<void>): Promise<void> {
  const lab = await makeLab(parseLab(text), { name });
  try {
    await work(lab);
  } finally {
    await lab.close();
  }
}

const output = async (command: string[]) => (await runCommand(command)).stdout;

/** A busy machine may spoil a measurement, a wrong lab spoils each one. */
const ATTEMPTS = 3;

/** Measures until the promise is kept, at most ATTEMPTS times, and gives the last measurement. */
async function measured(
  lab: Lab,
  from: string,
  to: string,
  options: MeasureOptions,
): Promise<PathMeasurement | undefined> {
  let last: PathMeasurement | undefined;
  for (let attempt = 0; attempt < ATTEMPTS && last?.deviations.length !== 0; attempt++) {
    [last] = await lab.measure({ ...options, pairs: [[from, to]] });
  }
  return last;
}

async function pings(lab: Lab, from: string, to: string): Promise<boolean> {
  const [measured] = await lab.measure({ pairs: [[from, to]], seconds: 0, probes: 3 });
  return measured?.got.rttMs !== null;
}

const THREE = `
underlay 10.77.0.0/24
underlay fd77::/64
host a
host b
host c
pair a b rate 100M delay 20ms
path a c loss 5% delay 4ms jitter 1ms reorder 10%
pair b c rate none
vm web on a ip 10.0.0.1/24
lan b br0 ip 10.0.0.254/24
lan b br0 client c1 ip 10.0.0.100/24
`;

t.test('three hosts get what was promised', { skip, timeout: 60_000 }, async (t) => {
  const name = `${NAME}a`;
  await withLab(THREE, name, async (lab) => {
    const ab = await measured(lab, 'a', 'b', { seconds: 2 });
    t.strictSame(ab?.deviations, [], JSON.stringify(ab));
    t.equal(ab?.promised.rttMs, 40);
    const ac = await measured(lab, 'a', 'c', { seconds: 0, probes: 1500, intervalMs: 0.8 });
    t.strictSame(ac?.deviations, [], `loss ${ac?.got.loss} there, ${ac?.got.lossBack} back`);
    t.ok((ac?.got.loss ?? 0) > 0.02 && (ac?.got.lossBack ?? 1) < 0.01, 'loss in one direction only');
    t.ok((ac?.got.reordered ?? 0) > 0.02, `reordered ${ac?.got.reordered}`);
    const rtt = ac?.got.rttMs;
    t.ok(rtt && rtt.min >= 3 && rtt.max - rtt.min > 1, 'jitter and held back packets show');

    const v6 = await lab
      .host('a')
      .run(['ping', '-c2', '-i0.2', lab.host('b').addresses[1] ?? ''])
      .catch(() => undefined);
    if (v6 !== undefined) t.match(v6.stdout, /time=4\d/, 'the same over IPv6');

    await t.test('an unimpaired way is not slowed', async (t) => {
      const [bc] = await lab.measure({ pairs: [['b', 'c']], seconds: 1.5 });
      const rate = bc?.got.rateBps ?? 0;
      t.ok(rate > 1e9 || rate > 0.6 * (await bridgedRate(lab)), `${rate / 1e9} Gbit/s`);
      t.ok((bc?.got.rttMs?.median ?? 9) < 1, 'and not delayed');
    });

    await t.test('changes while running', async (t) => {
      await lab.setPath('b', 'c', { up: false });
      t.notOk(await pings(lab, 'b', 'c'), 'cut');
      t.ok(await pings(lab, 'a', 'b'), 'others are not');
      await lab.setPath('b', 'c', { up: true, delayMs: 5, rateBps: 20e6 });
      const slow = await measured(lab, 'b', 'c', { seconds: 1.5 });
      t.strictSame(slow?.deviations, [], JSON.stringify(slow?.got));
      await lab.setPath('b', 'c', { delayMs: 0 }, { oneWay: true });
      t.equal((await lab.measure({ pairs: [['b', 'c']], seconds: 0 }))[0]?.promised.rttMs, 5);
      await lab.setPath('b', 'c', { delayMs: 0, rateBps: null });
      t.match(between(lab.spec, 'b', 'c'), { delayMs: 0, rateBps: null });
      await t.rejects(lab.setPath('b', 'c', { loss: 2 }), { code: 'VNET_ERR_INVALID' });
      await t.rejects(lab.setPath('b', 'nobody', {}), { code: 'VNET_ERR_NOT_FOUND' });
      const counters = await lab.emulatorCounters();
      if (counters !== undefined) t.match(counters, { overflow: 0, sendErrors: 0 });
    });

    await t.test('machines come, move and go', async (t) => {
      t.match(
        (await lab.vm('web').run(['ip', '-o', 'addr', 'show', 'dev', 'eth0'])).stdout,
        /10\.0\.0\.1\/24/,
      );
      t.match((await lab.host('a').run(['ip', '-o', 'link'])).stdout, /web0@/);
      const ip = (...args: string[]) => output(['ip', ...args]);
      await ip('-n', `vl-${name}-a`, 'link', 'set', 'web0', 'netns', `vl-${name}-b`);
      await ip('-n', `vl-${name}-b`, 'link', 'set', 'web0', 'up');
      await lab.refresh();
      t.match(lab.truth().vms, [{ name: 'web', host: 'b' }], 'moved by others: found');
      t.match(topologyOf(lab), {
        hosts: [{ name: 'a', proxy: true }, { name: 'b' }, { name: 'c' }],
        vms: [
          { name: 'web', port: 'packet:web0', machine: { driver: 'netns', namespace: `vl-${name}-web` } },
        ],
      });
      t.throws(() => topologyOf(lab, 'nobody'), { code: 'VNET_ERR_NOT_FOUND' });
      t.match(printTopology(topologyOf(lab)), new RegExp(`run netns vl-${name}-web`));
      await lab.moveVm('web', 'c');
      t.match((await lab.host('c').run(['ip', '-o', 'link'])).stdout, /web0@.*state UP/);
      const db = await lab.addVm({ name: 'db', host: 'b', ips: ['10.0.0.2/24'] });
      await t.rejects(lab.addVm({ name: 'db', host: 'b' }), { code: 'VNET_ERR_INVALID' });
      await lab.host('b').run(['ip', 'link', 'set', 'db0', 'master', 'br0']);
      const script = 'exec 3<>/dev/tcp/10.0.0.100/1'; // refused at once if it is reachable
      const reach = await db.run(['bash', '-c', script], { timeoutMs: 5000 });
      t.match(reach.stderr, /refused/i, 'a client of the LAN answers');
      await lab.removeVm('db');
      t.throws(() => lab.vm('db'), { code: 'VNET_ERR_NOT_FOUND' });
      t.notMatch((await lab.host('b').run(['ip', '-o', 'link'])).stdout, /db0@/);
    });

    t.ok(listLabs().some((entry) => entry.name === name && entry.makerAlive));
    t.strictSame(openLab(name).truth(), lab.truth(), 'another process sees the same');
    await t.rejects(makeLab(parseLab(THREE), { name }), { code: 'VNET_ERR_EXISTS' });
    const sleeper = lab.host('a').spawn(['sleep', '1000'], { stdio: 'ignore' });
    const record = loadState(defaultRoot(), name).processes.find((process) => process.pid === sleeper.pid);
    t.ok(record !== undefined && isAlive(record));
    await lab.close();
    t.notOk(record !== undefined && isAlive(record), 'what was started has ended');
    await t.rejects(lab.setPath('a', 'b', {}), { code: 'VNET_ERR_CLOSED' });
  });
  t.notMatch(await output(['ip', 'netns', 'list']), new RegExp(`vl-${name}-`));
  t.notMatch(await output(['ip', '-o', 'link']), new RegExp(`vl-${name}-`), 'no wire into it is left');
  t.throws(() => openLab(name), { code: 'VNET_ERR_NOT_FOUND' });
});

/** Throughput of a veth and a bridge alone, the measure for a way that is not to be slowed. */
async function bridgedRate(lab: Lab): Promise<number> {
  const program = await emulatorProgram();
  const server = lab
    .host('b')
    .spawn([program, 'serve', '10.0.0.254'], { stdio: ['ignore', 'pipe', 'ignore'] });
  if (server.stdout === null) throw new Error('no output');
  const port = await new Promise<string>((resolve) =>
    createInterface(server.stdout as never).once('line', resolve),
  );
  const { stdout } = await lab.client('c1').run([program, 'throughput', '10.0.0.254', port, '1500', '500']);
  server.kill();
  return (JSON.parse(stdout) as { bps: number }).bps;
}

/** A lab whose maker was killed. */
async function leaveBehind(name: string): Promise<void> {
  const script = `
    import { makeLab, parseLab } from ${JSON.stringify(new URL('./index.js', import.meta.url).href)};
    const lab = await makeLab(parseLab('host a delay 5ms\\nhost b\\nvm v on a'), { name: ${JSON.stringify(name)}, temporary: true });
    lab.host('b').spawn(['sleep', '1000'], { stdio: 'ignore' });
    console.log('up');`;
  const maker = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => maker.stdout.once('data', resolve));
  maker.kill('SIGKILL');
  await new Promise((resolve) => maker.once('exit', resolve));
}

t.test('a lab is removed after its maker was killed', { skip, timeout: 30_000 }, async (t) => {
  const name = `${NAME}k`;
  await leaveBehind(name);
  const state = loadState(defaultRoot(), name);
  t.ok(state.processes.length >= 1 && state.processes.every(isAlive), 'what it started still runs');
  t.match(
    listLabs().find((entry) => entry.name === name),
    { makerAlive: false, leftBehind: true },
  );
  const own = openLab(name);
  await own.keep();
  t.notOk(listLabs().find((entry) => entry.name === name)?.leftBehind, 'kept on purpose');
  t.ok(await pings(own, 'a', 'b'), 'and can be used by another process');
  await own.setPath('a', 'b', { delayMs: 1 });
  t.equal(own.truth().paths[0]?.delayMs, 1);
  await removeLab(name);
  t.notOk(state.processes.some(isAlive));
  t.notMatch(await output(['ip', 'netns', 'list']), new RegExp(`vl-${name}-`));
  await t.rejects(async () => removeLab(name), { code: 'VNET_ERR_NOT_FOUND' });
});

t.test('a demo takes the place of one that was killed, and of no other', { skip }, async (t) => {
  const name = `${NAME}d`;
  await leaveBehind(name);
  const stage = new Stage('run/home.sock', name);
  t.teardown(() => stage.close());
  const said: string[] = [];
  stage.print = (...lines) => void said.push(...lines);
  const lab = await makeDemoLab(stage, 'star.lab');
  t.match(said[0], new RegExp(`removed the lab ${name} of .*: its demo was killed`));
  t.ok(lab.vm('a1'), 'the new one');
  await t.rejects(makeDemoLab(stage, 'star.lab'), { code: 'VNET_ERR_EXISTS', message: /a demo runs in it/ });
});

t.test("a VM joined by a Unix socket speaks as QEMU's stream", { skip }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'vnet-lab-socket-'));
  const path = join(directory, 'q.sock');
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const calls: Socket[] = [];
  const text = `host a\nhost b\nvm q on a mac 02:00:00:00:00:01 ip 10.0.0.1/24 mtu 1400 port unix:${path}`;
  await withLab(text, `${NAME}q`, async (lab) => {
    const { processes } = loadState(defaultRoot(), lab.name);
    const [wire] = processes.filter(({ what }) => what === `q: unix:${path}`);
    t.ok(wire && isAlive(wire), 'it dials before anybody listens');
    t.match(
      await output(lab.vm('q').commandLine(['ip', 'link', 'show', 'eth0'])),
      /mtu 1400[^]*02:00:00:00:00:01/,
    );
    const server = createServer((socket) => calls.push(socket.on('error', () => {}))).listen(path);
    t.teardown(() => server.close());
    const call = async (count: number) => {
      for (let tries = 0; calls.length < count && tries < 200; tries++) await sleep(10);
      return calls[count - 1] as Socket;
    };
    const pinging = lab.vm('q').spawn(['ping', '-i', '0.05', '10.0.0.2'], { stdio: 'ignore' });
    const asked = await firstFrame(await call(1), 0x0806);
    t.equal(
      asked.toString('hex'),
      `${'f'.repeat(12)}020000000001080600010800060400010200000000010a000001${'0'.repeat(12)}0a000002`,
    );
    const answer = Buffer.from(
      `0000002a02000000000102000000000208060001080006040002020000000002${'0a000002'}0200000000010a000001`,
      'hex',
    );
    calls[0]?.write(answer.subarray(0, 3)); // wherever the stream is cut
    await sleep(20);
    calls[0]?.write(answer.subarray(3));
    const echo = await firstFrame(await call(1), 0x0800);
    t.equal(echo.subarray(0, 12).toString('hex'), '020000000002020000000001', 'the answer was taken');
    t.equal(echo.readUInt16BE(16) + 14, echo.length, 'a frame is as long as its packet says');
    calls[0]?.destroy();
    t.ok(await firstFrame(await call(2), 0x0800), 'it dials again');
    calls[1]?.write(Buffer.from('00000001ff', 'hex'));
    t.ok(await firstFrame(await call(3), 0x0800), 'and hangs up on what is no frame');
    pinging.kill();
    await t.rejects(lab.moveVm('q', 'b'), { code: 'VNET_ERR_UNSUPPORTED' });
    await lab.removeVm('q');
    t.notOk(wire && isAlive(wire), 'the process ends with the VM');
  });
});

/** The next frame of an EtherType that the VM sends; anything but whole frames behind their lengths rejects. */
function firstFrame(socket: Socket, etherType: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let rest = Buffer.alloc(0);
    const take = (data: Buffer): void => {
      rest = Buffer.concat([rest, data]);
      while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE()) {
        const length = rest.readUInt32BE();
        const frame = rest.subarray(4, 4 + length);
        if (length < 42 || length > 1414) reject(new Error(`a frame of ${length} octets`));
        rest = rest.subarray(4 + length);
        if (frame.readUInt16BE(12) !== etherType || rest.length > 0) continue; // keep in step with the stream
        socket.off('data', take);
        resolve(frame);
        return;
      }
    };
    socket.on('data', take).once('close', () => reject(new Error('the VM hung up')));
  });
}

t.test('a lab that cannot be made leaves nothing', { skip }, async (t) => {
  const name = `${NAME}f`;
  const spec = parseLab('host a\nvm v on a ip 10.0.0.1/24 gateway 10.9.9.9'); // the gateway is out of reach
  await t.rejects(makeLab(spec, { name }), {
    code: 'VNET_ERR_INTERNAL',
    message: /route add default via 10.9.9.9/,
  });
  t.notMatch(await output(['ip', 'netns', 'list']), new RegExp(`vl-${name}-`));
  t.notOk(listLabs().some((entry) => entry.name === name));
});

const quotaSkip = skip || (privilege.rootless ? 'CPU quotas need real root' : false);
t.test('CPU quota and load', { skip: quotaSkip, timeout: 30_000 }, async (t) => {
  const lab = await makeLab(parseLab('host a\nhost b\ncpu a 30%\nload b 20%'), { name: `${NAME}c` }).catch(
    (error) => {
      if (error instanceof VnetError && error.code === 'VNET_ERR_UNSUPPORTED') return error.message;
      throw error;
    },
  );
  if (typeof lab === 'string') return void (await t.test('quota', { skip: lab }, async () => {}));
  try {
    const burner = lab.host('a').spawn([await emulatorProgram(), 'load', '100'], { stdio: 'ignore' });
    const load = loadState(defaultRoot(), lab.name).processes.find(({ what }) => what.includes('load 20'));
    const [burnt, loaded] = await Promise.all([cpuShare(burner.pid ?? 0), cpuShare(load?.pid ?? 0)]);
    // A busy machine may give less than was asked for, never more.
    t.ok(burnt > 0.03 && burnt < 0.4, `a burner under a quota of 30% got ${burnt}`);
    t.ok(loaded > 0.03 && loaded < 0.3, `a load of 20% took ${loaded}`);
  } finally {
    await lab.close();
  }
});

/** CPU time of a process over a second and a half, as a share of one CPU. */
async function cpuShare(pid: number): Promise<number> {
  const ticks = async () => {
    const stat = await output(['cat', `/proc/${pid}/stat`]);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[11]) + Number(fields[12]);
  };
  const [start, before] = [performance.now(), await ticks()];
  await new Promise((resolve) => setTimeout(resolve, 1500));
  return ((await ticks()) - before) / 100 / ((performance.now() - start) / 1000);
}

t.test(
  'netem makes the same lab',
  { skip: skip || ((await hasNetem()) ? false : 'this kernel has no netem') },
  async (t) => {
    await withLab('impair netem\nhost a delay 10ms loss 5%\nhost b', `${NAME}n`, async (lab) => {
      const [measured] = await lab.measure({ seconds: 0, probes: 1000 });
      t.strictSame(measured?.deviations, [], JSON.stringify(measured));
      await lab.setPath('a', 'b', { delayMs: 5, loss: 0 });
      t.strictSame((await lab.measure({ seconds: 0 }))[0]?.deviations, []);
    });
  },
);
