/** What breaks between two QEMUs, and their daemons, in the midst of a move: the VM executes in one place at most. */
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { MoveOptions, MoveTransfer } from '../../core/index.js';
import { fetchGuestParts } from '../../lab/index.js';
import { answersAt, Bed, Journal, kill, onConsole } from './bed.js';
import { Wire } from './wire.js';

const parts = await fetchGuestParts();
const skip = typeof parts === 'string' ? parts : false;
const RECOVERY_MS = 3_000;
/** A guest is started in each. */
t.setTimeout(180_000);

/** A VM at `a`, a destination `b`, and a wire between them that the test holds in its hand. */
async function stage(t: Test) {
  const bed = new Bed();
  t.teardown(() => bed.close());
  const spec = await bed.saved('web');
  const [a, b] = ['a', 'b'].map((host) => bed.driver(host, { recoveryMs: RECOVERY_MS }));
  if (a === undefined || b === undefined) throw new Error('two drivers');
  const said = { a: new Journal(), b: new Journal() };
  const vm = await a.start(spec, a.portOf(spec), said.a);
  bed.guard(vm);
  const incoming = await b.receive(spec, b.portOf(spec), {}, said.b);
  bed.guard(incoming);
  const wire = await Wire.to(incoming.ticket.address, incoming.ticket.port);
  t.teardown(() => wire.close());
  const ticket = { ...incoming.ticket, port: wire.port };
  return { bed, spec, a, b, said, vm, incoming, wire, ticket };
}

const until = async (what: string, holds: () => boolean | Promise<boolean>) => {
  for (let waited = 0; !(await holds()); waited += 20) {
    if (waited > 30_000) throw new Error(`waited in vain for ${what}`);
    await sleep(20);
  }
};

/** Sends a busy guest until post-copy has begun and the destination executes. */
async function intoPostCopy({ vm, ticket, incoming }: Awaited<ReturnType<typeof stage>>) {
  await onConsole(vm.console, '#', 'dirty 200 &');
  const options: MoveOptions = { bitsPerSecond: 250e6, downtimeMs: 1 };
  let last: MoveTransfer | undefined;
  const sending = vm.send(ticket, options, (transfer) => {
    last = transfer;
  });
  sending.done.catch(() => {});
  await incoming.arrived;
  return { sending, last: () => last };
}

t.test('the destination has everything, the source never hears of it', { skip }, async (t) => {
  const { a, spec, vm, incoming, wire, ticket, said } = await stage(t);
  wire.mute = true;
  const sending = vm.send(ticket, { postCopy: 'never' }, () => {});
  sending.done.catch(() => {});
  // Left alone, QEMU would run it now.
  await until('the whole VM', async () => (await incoming.instance.status()) !== 'inmigrate');
  t.strictSame([said.a.said, said.b.said], [['paused'], []]);
  wire.break();
  await t.rejects(sending.done, { message: /it runs on here/ });
  await t.rejects(incoming.arrived, { message: /it did not arrive/ });
  t.strictSame([said.a.said, said.b.said], [['paused', 'running'], []]);
  t.ok(await answersAt(a.portOf(spec)));
});

t.test('the connection breaks in post-copy: it comes back, or neither half runs', { skip }, async (t) => {
  const made = await stage(t);
  const { b, spec, wire, incoming, said } = made;
  const { sending, last } = await intoPostCopy(made);
  t.strictSame(said.b.said, ['running']);
  await sending.cancel();
  wire.break();
  const isBack = await sending.done.then(
    () => true,
    () => false,
  );
  t.comment(isBack ? 'it came back' : 'QEMU did not find its other half again');
  if (!isBack) {
    // Not every attempt of QEMU 7.2 to meet again succeeds; what must hold is that no half goes on alone.
    await incoming.instance.ended;
    await sleep(0);
    t.match(said.a.said.at(-1), /^ended false: .*neither runs/);
    t.match(said.b.said.at(-1), /^ended false/);
    return;
  }
  t.equal(last()?.postCopy, true);
  await until('the VM', () => said.b.said.at(-1) === 'running');
  t.strictSame(said.b.said, ['running', 'paused', 'running']);
  t.match(said.a.said, ['paused', 'ended true: it moved away']);
  t.equal(await (await incoming.arrived).state(), 'running');
  t.ok(await answersAt(b.portOf(spec)));
});

t.test('the source is killed in post-copy', { skip }, async (t) => {
  const made = await stage(t);
  const { sending } = await intoPostCopy(made);
  kill(made.vm.instance.pid);
  await t.rejects(sending.done);
  await made.incoming.instance.ended;
  await sleep(0);
  t.match(made.said.a.said, ['paused', /^ended false/]);
  t.match(made.said.b.said.at(-1), /^ended false/);
});

t.test('the destination is killed in post-copy', { skip }, async (t) => {
  const made = await stage(t);
  const { sending } = await intoPostCopy(made);
  kill(made.incoming.instance.pid);
  await t.rejects(sending.done, { message: /neither runs/ });
  t.match(made.said.b.said.at(-1), /^ended false/);
  t.match(made.said.a.said.at(-1), /^ended false: .*neither runs/);
});

t.test("the source's daemon is started again", { skip }, async (t) => {
  await t.test('while it copies: the VM stays', async (t) => {
    const { bed, a, spec, vm, incoming, ticket } = await stage(t);
    vm.send(ticket, { bitsPerSecond: 20e6, postCopy: 'never' }, () => {}).done.catch(() => {});
    await sleep(500);
    vm.release();
    const again = await bed.driver('a').adopt(spec, a.portOf(spec), new Journal());
    if (again === undefined) throw new Error('it was not found again');
    await t.rejects(incoming.arrived, { message: /it did not arrive/ });
    t.equal(await again.state(), 'running');
    t.ok(await answersAt(a.portOf(spec)));
  });
  await t.test('when all is sent and nobody was told: the VM is there', async (t) => {
    const { bed, a, b, spec, vm, incoming, wire, ticket, said } = await stage(t);
    wire.mute = true;
    vm.send(ticket, { postCopy: 'never' }, () => {}).done.catch(() => {});
    await until('the whole VM', async () => (await incoming.instance.status()) !== 'inmigrate');
    vm.release();
    // QEMU itself hears the end; the daemon that would say the word is away.
    t.strictSame(said.b.said, []);
    const journal = new Journal();
    const again = await bed.driver('a').adopt(spec, a.portOf(spec), journal);
    if (again === undefined) throw new Error('it was not found again');
    wire.break();
    await until('an end', () => journal.said.length > 0);
    const there = journal.said[0]?.startsWith('ended') === true;
    t.equal(there, (await incoming.arrived.catch(() => undefined)) !== undefined);
    t.ok(await answersAt((there ? b : a).portOf(spec)));
  });
});

t.test("the destination's daemon is started again: the VM stays", { skip }, async (t) => {
  const { bed, a, b, spec, vm, incoming, ticket, said } = await stage(t);
  const sending = vm.send(ticket, { bitsPerSecond: 20e6, postCopy: 'never' }, () => {});
  sending.done.catch(() => {});
  await sleep(300);
  incoming.instance.release();
  t.equal(await bed.driver('b').adopt(spec, b.portOf(spec), said.b), undefined);
  await t.rejects(sending.done, { message: /it runs on here/ });
  t.strictSame(said.b.said, []);
  t.ok(await answersAt(a.portOf(spec)));
});
