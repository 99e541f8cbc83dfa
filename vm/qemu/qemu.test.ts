/** The QMP client, the command line and the judgements of the driver, without QEMU. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { MacAddress, VmSpec } from '../../core/index.js';
import { type HostFacts, obstaclesOf } from './check.js';
import { commandLine } from './command-line.js';
import { acceleratorOf, diskFacts, judgeVersion } from './facts.js';
import { type HandoverAnswer, HandoverCall, HandoverDesk } from './handover.js';
import { Layout } from './layout.js';
import { netdevOf } from './port.js';
import { QmpClient, type QmpEvent } from './qmp.js';
import { isTicket, type QemuTicket } from './ticket.js';
import { fallsBehind, transferOf } from './transfer.js';

const MAC = '02:00:00:00:00:01' as MacAddress;
const SPEC: VmSpec = {
  ...{ name: 'web', network: 'lab', mtu: 1500, macs: [MAC], memoryBytes: 96 * 2 ** 20, cpus: 1 },
  machine: { driver: 'qemu', kernel: '/k', initrd: '/i', append: 'quiet, please' },
};
const LAYOUT = { qmp: '/v/qmp', console: '/v/console', pidFile: '/v/pid' };
const GREETING = '{"QMP": {"version": {}, "capabilities": ["oob"]}}\n';

function folder(t: Test): string {
  const made = mkdtempSync(join(tmpdir(), 'vq-'));
  t.teardown(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

type Asked = { execute?: string; 'exec-oob'?: string; id: number };

/** A monitor that answers as the test says. */
async function monitor(t: Test, answer: (asked: Asked, socket: Socket) => void): Promise<string> {
  const path = join(folder(t), 'qmp');
  const server = createServer((socket) => {
    socket.write(GREETING);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      for (const line of chunk.toString().trim().split('\n')) answer(JSON.parse(line) as Asked, socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => server.close());
  return path;
}

const STAMPED_MS = 40;
const fine = ({ id }: Asked, socket: Socket) => socket.write(`{"return": {}, "id": ${id}}\n`);

t.test('QMP', async (t) => {
  await t.test('commands, errors, events in pieces, out of band', async (t) => {
    const path = await monitor(t, (asked, socket) => {
      if (asked.execute === 'bad') {
        socket.write(`{"error": {"class": "GenericError", "desc": "no such thing"}, "id": ${asked.id}}\n`);
      } else if (asked.execute === 'pieces') {
        socket.write('{"event": "STOP", "data": {"a"');
        setTimeout(() => socket.write(`: 1}}\n{"return": {"b": 2}, "id": ${asked.id}}\n`), 5);
      } else if (asked.execute === 'stamped') {
        const microseconds = (Date.now() - STAMPED_MS) * 1e3;
        const timestamp = { seconds: Math.floor(microseconds / 1e6), microseconds: microseconds % 1e6 };
        socket.write(`${JSON.stringify({ event: 'STOP', timestamp })}\n`);
        fine(asked, socket);
      } else if (asked['exec-oob'] !== undefined) {
        socket.write(`{"return": "${asked['exec-oob']}", "id": ${asked.id}}\n`);
      } else fine(asked, socket);
    });
    const qmp = await QmpClient.connect(path);
    t.teardown(() => qmp.close());
    const events: QmpEvent[] = [];
    const silence = qmp.onEvent((event) => events.push(event));
    t.strictSame(await qmp.execute('pieces'), { b: 2 });
    t.strictSame(events, [{ event: 'STOP', data: { a: 1 }, agoMs: 0 }], 'one without a stamp is of now');
    await qmp.execute('stamped');
    t.ok((events[1]?.agoMs ?? 0) >= STAMPED_MS, "by QEMU's own stamp");
    silence();
    t.equal(await qmp.executeNow('migrate-pause'), 'migrate-pause');
    await t.rejects(qmp.execute('bad'), {
      code: 'VNET_ERR_REFUSED',
      message: "QEMU refused 'bad': no such thing",
    });
  });

  await t.test('a peer that is slow, dies, speaks something else, or is not there', async (t) => {
    const path = await monitor(t, (asked, socket) => {
      if (asked.execute === 'die') socket.destroy();
      else if (asked.execute === 'babble') socket.write('hello\n');
      else if (asked.execute !== 'late') fine(asked, socket);
    });
    const qmp = await QmpClient.connect(path);
    await t.rejects(qmp.execute('late', {}, 10), { code: 'VNET_ERR_TIMEOUT' });
    t.strictSame(await qmp.execute('next'), {}, 'the next command has its own answer');
    const late = qmp.execute('late');
    await Promise.all([
      t.rejects(late, { code: 'VNET_ERR_UNREACHABLE' }),
      t.rejects(qmp.execute('die'), { code: 'VNET_ERR_UNREACHABLE' }),
    ]);
    await qmp.closed;
    await t.rejects(qmp.execute('more'), { code: 'VNET_ERR_UNREACHABLE' });
    const other = await QmpClient.connect(path);
    await t.rejects(other.execute('babble'), { message: /it does not speak QMP/ });
    await t.rejects(QmpClient.connect(join(folder(t), 'none')), { code: 'VNET_ERR_UNREACHABLE' });
  });
});

t.test('the command line', async (t) => {
  const line = commandLine(SPEC, 'unix-connect:/v/a,b', LAYOUT, { accelerator: 'tcg' });
  const after = (name: string) => line[line.indexOf(name) + 1];
  t.equal(after('-netdev'), 'stream,id=port,server=on,addr.type=unix,addr.path=/v/a,,b');
  t.equal(after('-device'), `virtio-net-pci,id=nic0,netdev=port,mac=${MAC},romfile=`);
  t.equal(after('-m'), '96M');
  t.equal(after('-append'), 'quiet, please');
  t.equal(after('-cpu'), 'Nehalem-v1');
  t.equal(after('-pidfile'), '/v/pid');
  t.notOk(line.includes('-incoming'));
  const same = commandLine(SPEC, 'unix-connect:/v/a,b', LAYOUT, { accelerator: 'tcg' }, true);
  t.strictSame(same, [...line, '-incoming', 'defer'], 'both ends of a move see one machine');
  t.match(
    commandLine(SPEC, 'packet:tap0', LAYOUT, { accelerator: 'kvm' }).join(' '),
    / accel=kvm|,accel=kvm/,
  );

  const macs = [MAC, '02:00:00:00:00:02' as MacAddress];
  const two = commandLine({ ...SPEC, macs }, 'packet:tap0', LAYOUT, { accelerator: 'tcg' });
  t.equal(two.filter((word) => word.startsWith('virtio-net-pci')).length, 2);
  t.ok(two.includes('tap,id=port,ifname=tap0,script=no,downscript=no'));
  t.ok(two.includes('hubport,id=out,hubid=0,netdev=port'));

  const disk = { format: 'qcow2', readOnly: false, direct: true } as const;
  const machine = { driver: 'qemu' as const, disk: '/d' };
  const words = commandLine({ ...SPEC, machine }, 'unix-connect:/v/n', LAYOUT, { accelerator: 'tcg', disk });
  t.ok(words.includes('driver=file,node-name=file,filename=/d,cache.direct=on,read-only=off'));
  t.notOk(words.includes('-kernel'));

  t.equal(netdevOf('unix:/n'), 'stream,server=off,addr.type=unix,addr.path=/n');
  for (const port of ['tap:x', 'bridge:x', 'pcap:x'])
    t.throws(() => netdevOf(port), { code: 'VNET_ERR_INVALID' });
});

t.test('the host', async (t) => {
  const flags = 'processor : 0\nflags\t\t: fpu vme svm sse\n';
  t.equal(acceleratorOf(flags, true), 'kvm');
  t.equal(acceleratorOf(flags, false), 'tcg');
  t.equal(acceleratorOf('flags\t\t: fpu svm_lock\n', true), 'tcg');
  t.equal(judgeVersion('QEMU emulator version 7.2.22 (Debian)'), true);
  t.equal(judgeVersion('QEMU emulator version 10.0.1'), true);
  t.equal(judgeVersion('QEMU emulator version 7.1.0'), 'needs QEMU 7.2 or newer, this is 7.1');
  const image = join(folder(t), 'image');
  writeFileSync(image, 'QFI\xfb', 'latin1');
  t.match(diskFacts(image), { format: 'qcow2', readOnly: false });
  writeFileSync(image, 'raw', { mode: 0o600 });
  t.match(diskFacts(image), { format: 'raw' });
});

t.test('obstacles', async (t) => {
  const image = join(folder(t), 'image');
  writeFileSync(image, 'raw');
  const facts: HostFacts = {
    ...{ available: true, accelerator: 'kvm', cpuModel: 'EPYC', cpus: 2 },
    freeMemoryBytes: 2 ** 30,
  };
  const from = { memoryBytes: 0, freeMemoryBytes: 0, cpus: 2, cpuModel: 'EPYC', drivers: {} };
  const spec = { ...SPEC, machine: { driver: 'qemu' as const, disk: image } };
  const kinds = (
    change: Partial<VmSpec>,
    host: Partial<HostFacts> = {},
    source: object | null = from,
    port = 'unix-connect:/n',
  ) =>
    obstaclesOf(
      { ...spec, ...change },
      port,
      { ...facts, ...host },
      source === null ? undefined : { ...from, ...source },
    ).map(({ kind, blocking }) => `${kind}${blocking ? '' : '?'}`);
  t.strictSame(kinds({}), ['image?'], 'a disk that may be another one there');
  t.strictSame(kinds({}, {}, null), [], 'it is only started');
  t.strictSame(kinds({ memoryBytes: 2 ** 30 }), ['memory', 'image?']);
  t.strictSame(kinds({ cpus: 4 }), ['cpu', 'image?']);
  t.strictSame(kinds({}, {}, { cpuModel: 'Xeon' }), ['cpu-model', 'image?']);
  t.strictSame(kinds({}, { accelerator: 'tcg' }, { cpuModel: 'Xeon' }), ['image?']);
  t.strictSame(kinds({}, { available: 'it is gone' }), ['driver', 'image?']);
  t.strictSame(kinds({ machine: { driver: 'qemu', kernel: '/none' } }), ['image']);
  t.strictSame(kinds({ machine: { driver: 'qemu' } }), ['image']);
  t.strictSame(kinds({}, {}, null, 'unix:/n'), ['port?']);
  t.strictSame(kinds({}, {}, null, 'tap:x'), ['port']);
});

t.test('copying', async (t) => {
  const ram = {
    ...{ transferred: 10, remaining: 20, total: 30, mbps: 100, 'dirty-sync-count': 3 },
    ...{ 'dirty-pages-rate': 5_000, 'page-size': 4096 },
  };
  t.equal(transferOf({ status: 'setup' }), undefined);
  const transfer = transferOf({ status: 'active', ram });
  t.match(transfer, { bitsPerSecond: 1e8, dirtyBytesPerSecond: 20_480_000, rounds: 3, postCopy: false });
  if (transfer === undefined) return;
  t.ok(fallsBehind(transfer, 1e9), '164 Mbit/s of change against 100 of copying');
  t.notOk(fallsBehind({ ...transfer, rounds: 2 }, 1e9), 'too early to say');
  t.notOk(fallsBehind({ ...transfer, bitsPerSecond: 4e8 }, 1e9));
  t.ok(fallsBehind({ ...transfer, bitsPerSecond: 4e8 }, 1e8), 'the limit counts where it is less');
  t.ok(fallsBehind({ ...transfer, bitsPerSecond: 4e8, rounds: 12 }, 1e9), 'it had its chance');
});

t.test('a directory', async (t) => {
  const layout = new Layout(folder(t), SPEC);
  layout.make();
  t.equal(layout.marked(), undefined);
  layout.mark({ role: 'receiving' });
  t.strictSame(layout.marked(), { role: 'receiving' });
  writeFileSync(join(layout.directory, 'move'), '{"role":"sen');
  t.strictSame(layout.marked(), { role: 'receiving' }, 'half a file');
  layout.clean();
  t.equal(layout.marked(), undefined);
  writeFileSync(layout.log, 'first\nqemu-system-x86_64: it is broken\n');
  t.equal(layout.complaint(), 'it is broken');
  const long = new Layout(join(folder(t), 'x'.repeat(100)), SPEC);
  t.throws(() => long.make(), { code: 'VNET_ERR_LIMIT' });
});

const HERE = '127.0.0.1';

/** Both ends; `state`: what the destination says when it is told to go on. */
async function handover(state: HandoverAnswer) {
  const heard: string[] = [];
  const desk = await HandoverDesk.open(HERE, 'secret', {
    go: () => {
      heard.push('go');
      desk.settle(state === 'lost' ? 'running' : state);
      if (state === 'lost') desk.settle('lost');
    },
    away: () => heard.push('away'),
  });
  const ticket: QemuTicket = {
    ...{ driver: 'qemu', address: HERE, port: 1, handoverPort: desk.port, token: 'secret' },
    ...{ postCopy: true, accelerator: 'tcg', cpu: 'x' },
  };
  return { desk, ticket, heard };
}

t.test('handing over', async (t) => {
  for (const state of ['running', 'gone'] as const) {
    const { ticket, heard } = await handover(state);
    const call = await HandoverCall.open(ticket, () => {});
    t.equal(await call.go(), state);
    call.close();
    const again = HandoverCall.resume(ticket);
    t.equal(await again.go(), state, 'asked by a daemon that was started again');
    again.close();
    t.strictSame(heard, ['go'], 'told once');
  }
  const { ticket, heard, desk } = await handover('running');
  const stranger = HandoverCall.open({ ...ticket, token: 'guess' }, () => {});
  await t.rejects(stranger, { code: 'VNET_ERR_UNREACHABLE' });
  let lost = () => {};
  const gaveUp = new Promise<void>((resolve) => {
    lost = resolve;
  });
  const call = await HandoverCall.open(ticket, () => lost());
  desk.settle('gone');
  await gaveUp;
  call.close();
  await t.rejects(
    HandoverCall.open(ticket, () => {}),
    { code: 'VNET_ERR_CONFLICT' },
  );
  t.strictSame(heard, []);
  t.ok(isTicket(ticket));
  fc.assert(fc.property(fc.jsonValue(), (value) => !isTicket(value)));
});
