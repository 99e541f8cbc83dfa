/** VMs under real QEMUs: two drivers, as of two hosts, and what happens to a VM between them. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { HostMachine, MoveTransfer, QemuMachine, VmSpec } from '../../core/index.js';
import { fetchGuestParts } from '../../lab/index.js';
import { answersAt, Bed, Journal, kill, onConsole } from './bed.js';

const parts = await fetchGuestParts();
const skip = typeof parts === 'string' ? parts : false;
t.setTimeout(180_000);
const GRACE = { graceMs: 20_000 };
const HOST: HostMachine = {
  ...{ memoryBytes: 0, freeMemoryBytes: 0, cpus: 1, cpuModel: cpus()[0]?.model.trim() ?? '', drivers: {} },
};

t.test('a VM from its start to its end', { skip }, async (t) => {
  const bed = new Bed();
  t.teardown(() => bed.close());
  const [driver, spec, journal] = [bed.driver('a'), bed.spec('one'), new Journal()];
  t.strictSame(await driver.check(spec), []);
  const vm = await driver.start(spec, driver.portOf(spec), journal);
  bed.guard(vm);
  await onConsole(vm.console);
  t.equal(await vm.state(), 'running');
  t.ok(await answersAt(driver.portOf(spec)), 'a frame reaches it and comes back');
  t.ok(await answersAt(driver.portOf(spec)), 'its NIC takes a daemon that comes back');
  await t.rejects(driver.start(spec, driver.portOf(spec), journal), { code: 'VNET_ERR_CONFLICT' });
  t.match(await onConsole(vm.console, /sum:42/, 'echo sum:$((40+2))'), 'sum:42', 'console');

  vm.release();
  const adopted = await bed.driver('a').adopt(spec, driver.portOf(spec), journal);
  if (adopted === undefined) throw new Error('it was not found again');
  t.equal(adopted.instance.pid, vm.instance.pid);
  t.strictSame(await adopted.processes(), [adopted.instance.pid]);
  const threads = await adopted.cpuThreads();
  t.equal(threads.length, spec.cpus);
  t.ok(threads.every((thread) => existsSync(`/proc/${adopted.instance.pid}/task/${thread}`)));
  await adopted.instance.qmp.execute('stop');
  t.equal(await adopted.state(), 'paused');
  await adopted.instance.qmp.execute('cont');
  await adopted.stop(GRACE);
  await adopted.instance.ended;
  t.strictSame(journal.said, ['paused', 'running', 'ended true: it was stopped']);
  t.equal(await driver.adopt(spec, driver.portOf(spec), journal), undefined);
});

t.test('a VM that begins from a saved state', { skip }, async (t) => {
  const bed = new Bed();
  t.teardown(() => bed.close());
  const [driver, spec] = [bed.driver('a'), await bed.saved('one')];
  const port = driver.portOf(spec);
  const machine = spec.machine as QemuMachine;
  const content = readFileSync(machine.state ?? '');
  const from = (state: string, change: Partial<VmSpec> = {}): VmSpec => ({
    ...{ ...spec, ...change },
    machine: { ...machine, state },
  });
  /** Nothing runs afterwards, and nothing but the log is left. */
  const refuses = async (t: Test, wrong: VmSpec, error: { message: RegExp }) => {
    const journal = new Journal();
    await t.rejects(driver.start(wrong, port, journal), error);
    const directory = dirname(port.replace('unix-connect:', ''));
    t.strictSame(existsSync(directory) ? readdirSync(directory).filter((name) => name !== 'log') : [], []);
    t.equal(await driver.adopt(wrong, port, journal), undefined);
    t.strictSame(journal.said, []);
  };

  await t.test('whatever its path', async (t) => {
    const odd = join(bed.directory, `a ' "$(touch pwned),b;|&`);
    writeFileSync(odd, content);
    const [begun, journal] = [from(odd), new Journal()];
    t.strictSame(await driver.check(begun), []);
    const vm = await driver.start(begun, port, journal);
    bed.guard(vm);
    t.equal(await vm.state(), 'running');
    t.ok(await answersAt(port));
    t.match(await onConsole(vm.console, /sum:42/, 'echo sum:$((40+2))'), 'sum:42', 'it did not boot');
    t.notOk(existsSync(join(bed.directory, 'pwned')));
    vm.release();
    const adopted = await bed.driver('a').adopt(begun, port, journal);
    await adopted?.stop(GRACE);
    await adopted?.instance.ended;
    t.strictSame(journal.said, ['ended true: it was stopped']);
  });

  await t.test('the daemon ends while QEMU waits: as if it had not been started', async (t) => {
    const incoming = await driver.receive(spec, port, {}, new Journal());
    bed.guard(incoming);
    incoming.instance.release();
    t.equal(await bed.driver('a').adopt(spec, port, new Journal()), undefined);
    const vm = await driver.start(spec, port, new Journal());
    bed.guard(vm);
    await vm.stop({ graceMs: 0 });
  });

  await t.test('not from what is no state of it', async (t) => {
    const file = join(bed.directory, 'file');
    for (const [what, size, message] of [
      ['no file', -1, /ENOENT/],
      ['an empty file', 0, /is not a state that QEMU saved/],
      ['the head alone', 8, /cannot load its state/],
      ['half of it', content.length >> 1, /cannot load its state/],
    ] as const) {
      await t.test(what, async (t) => {
        if (size >= 0) writeFileSync(file, content.subarray(0, size));
        await refuses(t, from(file), { message });
      });
    }
    await refuses(t, from(bed.directory), { message: /is not a file/ });
    const pipe = join(bed.directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await refuses(t, from(pipe), { message: /is not a file/ });
    t.match(await driver.check(from(pipe)), [{ kind: 'image', blocking: true }]);
    t.strictSame(await driver.check(from(pipe), HOST), [], 'a move brings it along');
    const larger = { memoryBytes: 2 * spec.memoryBytes };
    await refuses(t, from(machine.state ?? '', larger), { message: /cannot load its state/ });
    writeFileSync(file, 'a disk');
    const disk = { ...spec, machine: { ...machine, disk: file } };
    await refuses(t, disk, { message: /may have changed/ });
  });
});

t.test('moves', { skip }, async (t) => {
  const bed = new Bed();
  t.teardown(() => bed.close());
  const spec = await bed.saved('web');
  const hosts = { a: bed.driver('a', { recoveryMs: 4_000 }), b: bed.driver('b', { recoveryMs: 4_000 }) };
  let here: 'a' | 'b' = 'a';
  let journal = new Journal();
  let vm = await hosts.a.start(spec, hosts.a.portOf(spec), journal);
  bed.guard(vm);

  /** Readies the other host. */
  const prepare = async () => {
    const to = here === 'a' ? 'b' : 'a';
    const said = new Journal();
    const incoming = await hosts[to].receive(spec, hosts[to].portOf(spec), {}, said);
    bed.guard(incoming);
    return { to, incoming, said } as const;
  };
  const arrive = async ({ to, incoming, said }: Awaited<ReturnType<typeof prepare>>) => {
    await incoming.arrived;
    here = to;
    const found = (await incoming.arrived) as typeof vm;
    [vm, journal] = [found, said];
    t.equal(await vm.state(), 'running');
    t.ok(await answersAt(hosts[to].portOf(spec)));
  };
  const stays = async (t: Test) => {
    t.equal(await vm.state(), 'running');
    t.ok(await answersAt(hosts[here].portOf(spec)), 'it runs on');
    journal.said.length = 0;
  };

  await t.test('of an idle guest', async (t) => {
    const next = await prepare();
    const seen: MoveTransfer[] = [];
    const [left, port] = [journal, hosts[here].portOf(spec)];
    await vm.send(next.incoming.ticket, {}, (transfer) => seen.push(transfer)).done;
    await arrive(next);
    t.strictSame(left.said, ['paused', 'ended true: it moved away']);
    t.strictSame(next.said.said, ['running']);
    t.match(seen.at(-1), { postCopy: false, totalBytes: Number });
    t.notOk(await answersAt(port, 500), 'nothing is left at the source');
  });

  await t.test('of a guest that is faster than the copying: post-copy', async () => {
    await onConsole(vm.console, '#', 'dirty 200 &');
    const next = await prepare();
    const seen: MoveTransfer[] = [];
    await vm.send(next.incoming.ticket, { bitsPerSecond: 300e6, downtimeMs: 10 }, (transfer) =>
      seen.push(transfer),
    ).done;
    await arrive(next);
    t.ok(seen.some(({ postCopy }) => postCopy));
    t.ok((await next.incoming.arrived) === vm);
  });

  await t.test('cancelled, with nothing left at the destination', async (t) => {
    const next = await prepare();
    const sending = vm.send(next.incoming.ticket, { bitsPerSecond: 40e6, postCopy: 'never' }, () => {});
    await sleep(500);
    await sending.cancel();
    await t.rejects(sending.done, { message: 'the move was cancelled; it runs on here' });
    await t.rejects(next.incoming.arrived, { message: /^it did not arrive/ });
    await sending.cancel();
    await stays(t);
  });

  await t.test('thrown away at the destination', async (t) => {
    const next = await prepare();
    const sending = vm.send(next.incoming.ticket, { bitsPerSecond: 40e6, postCopy: 'never' }, () => {});
    await sleep(300);
    await Promise.all([next.incoming.discard(), t.rejects(sending.done, { code: 'VNET_ERR_CONFLICT' })]);
    await stays(t);
  });

  await t.test('the destination is killed', async (t) => {
    const next = await prepare();
    const sending = vm.send(next.incoming.ticket, { bitsPerSecond: 40e6, postCopy: 'never' }, () => {});
    await sleep(300);
    kill(bed.guard(next.incoming));
    await t.rejects(sending.done, { message: /it runs on here/ });
    await t.rejects(next.incoming.arrived, { code: 'VNET_ERR_CONFLICT' });
    await stays(t);
  });

  await t.test('the source is killed', async (t) => {
    const next = await prepare();
    const sending = vm.send(next.incoming.ticket, { bitsPerSecond: 40e6, postCopy: 'never' }, () => {});
    await sleep(300);
    kill(bed.guard(vm));
    await t.rejects(sending.done);
    await t.rejects(next.incoming.arrived, { message: /it did not arrive/ });
    t.equal(await hosts[next.to].adopt(spec, hosts[next.to].portOf(spec), next.said), undefined);
    t.equal(journal.said.length, 1);
    t.match(journal.said[0], /^ended false/);
  });
});

t.test('what cannot be', { skip }, async (t) => {
  const bed = new Bed();
  t.teardown(() => bed.close());
  const [driver, journal] = [bed.driver('a'), new Journal()];
  const spec = bed.spec('one');
  const image = join(bed.directory, 'image');
  writeFileSync(image, 'not a disk');
  const broken = { ...spec, machine: { ...spec.machine, driver: 'qemu' as const, kernel: image } };
  await t.rejects(driver.start(broken, driver.portOf(spec), journal), {
    code: 'VNET_ERR_UNSUPPORTED',
    message: /kernel/,
  });
  const absent = { ...spec, machine: { driver: 'qemu' as const, disk: '/nowhere/disk' } };
  await t.rejects(driver.start(absent, driver.portOf(spec), journal), { code: 'VNET_ERR_NOT_FOUND' });
  t.match(await driver.check(absent), [{ kind: 'image', blocking: true }]);
  const none = bed.driver('a', { program: 'qemu-not-here' });
  t.match(await none.available(), 'needs qemu-not-here');
  await t.rejects(none.start(spec, none.portOf(spec), journal), { code: 'VNET_ERR_UNSUPPORTED' });
  t.strictSame(journal.said, []);
});
