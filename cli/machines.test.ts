import { createServer } from 'node:net';
import { PassThrough } from 'node:stream';
import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';
import type { MoveView } from '../core/index.js';
import { FakeOverlay } from './fake-overlay.js';
import { vnet } from './fake-world.js';
import { attachConsole, moveOptions, shareOf } from './machines/index.js';

t.test('start and stop', async (t) => {
  const overlay = new FakeOverlay();
  const started = await vnet('vm start web --on b --fence a', { overlay });
  t.strictSame([started.code, started.err], [0, '']);
  t.match(started.out, 'Done. web runs on b');
  t.strictSame(overlay.vmCalls.at(-1), ['startVm', 'web', { host: 'b', fence: ['a'] }]);
  const stopped = await vnet('vm stop 02:00:00:00:00:01 --grace 500ms --json', { overlay });
  t.match(JSON.parse(stopped.out), { vm: 'web', state: 'stopped' });
  t.strictSame(
    overlay.vmCalls.at(-1),
    ['stopVm', 'web', { graceMs: 500 }],
    'an address is as good as a name',
  );
  t.match((await vnet('vm start wbe')).err, /no VM is called "wbe"\nhint: did you mean web\?/);
  t.match((await vnet('vm start web --on bb')).err, /no host is called "bb"\nhint: did you mean b\?/);
  t.match((await vnet('vm stop web --grace soon')).err, '"soon" is not a time of grace');
});

t.test('migrate', async (t) => {
  const overlay = new FakeOverlay();
  overlay.moveResult = { switchMs: 12, transferredBytes: 3 << 20, heldFrames: 1, lostFrames: 0 };
  const moved = await vnet('vm migrate web b --bandwidth 1.5G --downtime 50ms --no-post-copy', { overlay });
  t.strictSame([moved.code, moved.err], [0, '']);
  t.equal(
    moved.out,
    'Moved. web a -> b in 840 ms\n  stopped for 120 ms, paths followed in 12 ms, 3.0M copied\n  1 frame waited, 0 lost\n',
  );
  const options = { postCopy: 'never', bitsPerSecond: 1.5e9, downtimeMs: 50 };
  t.strictSame(overlay.vmCalls.at(-1), ['moveVms', { moves: [{ vm: 'web', host: 'b' }], options }]);

  const swap = await vnet('vm move web b db a', { overlay: new FakeOverlay() });
  t.match(swap.out, /Moved\. web a -> b.*\n.*\nMoved\. db b -> a/);
  t.match((await vnet('vm migrate web b db')).err, 'where shall db go?');
  t.match((await vnet('vm migrate web b --bandwidth fast')).err, '"fast" is not a bandwidth');

  for (const [outcome, says] of [
    ['stayed', /^Stayed\. web runs on a: the destination died\n$/],
    ['unknown', /^Unknown\. web runs on a or b: the destination died\n.*--fence/],
  ] as const) {
    const failing = new FakeOverlay();
    failing.moveResult = { outcome, reason: 'the destination died' };
    const failed = await vnet('vm migrate web b', { overlay: failing });
    t.equal(failed.code, 1);
    t.match(failed.out, says);
  }
});

t.test('a bar a move, on a terminal only', async (t) => {
  const shown = await vnet('vm migrate web b db a', { overlay: new FakeOverlay(), tty: true });
  t.match(shown.err, /web: a -> b {2}copying\n[\s\S]*db: b -> a/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what it looks for
  t.match(shown.err, /\u001b\[1A\u001b\[J$|\u001b\[2A\u001b\[J$/, 'and gone at the end');
  const transfer = {
    transferredBytes: 75,
    remainingBytes: 25,
    totalBytes: 100,
    bitsPerSecond: 1e9,
    dirtyBytesPerSecond: 0,
    rounds: 1,
    postCopy: false,
  };
  const view = { id: 'm', vm: 'web', from: 'a', to: 'b', startedAt: '' };
  const phases = ['waiting', 'checking', 'preparing', 'copying', 'switching', 'cleaning'] as const;
  const shares = phases.map((phase) => shareOf({ ...view, phase, transfer } as MoveView));
  t.strictSame(
    shares,
    [...shares].sort((a, b) => a - b),
    'forward only',
  );
  t.ok(shares[3]! > 0.6 && shares[3]! < 0.8);
});

t.test('Ctrl-C calls the moves off and waits for what becomes of them', async (t) => {
  const overlay = new FakeOverlay();
  const interrupt = new AbortController();
  overlay.moveVms = async (_request, progress) => {
    progress?.({ id: 'm', vm: 'web', from: 'a', to: 'b', phase: 'copying', startedAt: '' });
    interrupt.abort();
    return [{ vm: 'web', from: 'a', to: 'b', outcome: 'stayed', reason: 'cancelled', totalMs: 3 }];
  };
  const { code, out, err } = await vnet('vm migrate web b', {
    overlay,
    context: { signal: interrupt.signal },
  });
  t.equal(code, 1);
  t.match(err, 'Cancelling');
  t.match(out, 'Stayed. web runs on a: cancelled');
  t.strictSame(overlay.vmCalls.at(-1), ['cancelMove', 'web']);
});

t.test('check, cancel, drain, list', async (t) => {
  const overlay = new FakeOverlay();
  const can = await vnet('vm check web b', { overlay });
  t.strictSame([can.code, can.out], [0, 'web can move to b\n']);
  overlay.obstacles = [
    { kind: 'memory', message: 'b has 1G for VMs and 800M in use', hint: 'stop one', blocking: true },
    { kind: 'image', message: 'whether the disk is shared is not known', blocking: false },
  ];
  const cannot = await vnet('vm check web b', { overlay });
  t.equal(cannot.code, 2);
  t.match(cannot.out, /web cannot move to b:\n.*b has 1G[^\n]*\n {4}stop one\n.*whether the disk/);
  t.match((await vnet('vm cancel web', { overlay })).out, 'Called off.');
  t.match((await vnet('host drain a', { overlay })).out, /^Moved\. web a -> /);
  t.match((await vnet('host drain nowhere', { overlay })).err, 'no host is called "nowhere"');
  overlay.vmStates = { web: { state: 'unknown', mayRunOn: ['a', 'b'] } };
  t.match((await vnet('vms', { overlay })).out, /web .*unknown .*may run on a or b/);
  t.match(JSON.parse((await vnet('vms --json', { overlay })).out), [{ name: 'web', state: 'unknown' }]);
});

t.test('console', async (t) => {
  t.match((await vnet('vm console web')).err, /web has no console\nhint: only QEMU guests have one/);
  const elsewhere = new FakeOverlay();
  elsewhere.vmStates = { web: { host: 'b', state: 'running', console: '/run/x', mayRunOn: ['a'] } };
  t.match(
    (await vnet('vm console web', { overlay: elsewhere })).err,
    /web runs on b, and this is a\nhint: on b: vnet vm console web/,
  );

  const path = join(t.testdir(), 'console');
  const server = createServer((socket) => socket.on('data', (keys) => socket.write(`<${String(keys)}>`)));
  server.listen(path);
  await once(server, 'listening');
  t.teardown(() => server.close());
  const [input, output] = [new PassThrough(), new PassThrough()];
  const done = attachConsole(path, { input, output });
  input.write('ls');
  t.equal(String((await once(output, 'data'))[0]), '<ls>');
  input.write(Buffer.from([0x1d]));
  await done;
  await t.rejects(attachConsole(`${path}-gone`, { input: new PassThrough(), output }), {
    code: 'VNET_ERR_UNREACHABLE',
  });
});

t.test('options', async (t) => {
  t.strictSame(moveOptions({ postCopy: true }), {}, 'nothing said, nothing sent');
  t.strictSame(moveOptions({ postCopy: true, bandwidth: '500M', timeout: '2m', address: '10.1.1.1' }), {
    bitsPerSecond: 5e8,
    timeoutMs: 120_000,
    address: '10.1.1.1',
  });
});
