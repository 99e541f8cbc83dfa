import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { MoveTransfer, RunningVm, VmEvents, VmSpec } from '../../core/index.js';
import { ExecDriver } from './driver.js';
import { parseLine } from './protocol.js';

/**
 * A service that lives in a directory: `$dir/pid` of a process that writes into `$dir/data`. It moves as the paper did
 * it: copied while it runs, stopped, copied again, started there. Its `receive` waits for the word of the source.
 */
const SERVICE = `#!/bin/sh
dir=$1; verb=$2; input=$(cat)
alive() { [ -f "$dir/pid" ] && kill -0 "$(cat "$dir/pid")" 2>/dev/null; }
start() { setsid sh -c 'while [ -d "$0" ]; do echo x >> "$0/data"; sleep 0.02; done' "$dir" >/dev/null 2>&1 & echo $! > "$dir/pid"; }
stop() { alive && kill "$(cat "$dir/pid")"; rm -f "$dir/pid"; }
case $verb in
  start) alive || start ;;
  stop) stop ;;
  status) if alive; then echo '{"state":"running","console":"/c"}'; else echo '{"state":"stopped"}'; fi ;;
  check) [ -d "$dir" ] || echo '{"obstacles":[{"kind":"image","message":"no directory","blocking":true}]}' ;;
  receive) rm -f "$dir/come"; printf '{"ticket":{"dir":"%s"}}\\n' "$dir"
    while [ ! -f "$dir/come" ]; do sleep 0.02; done
    start; echo '{"running":true}' ;;
  send) to=$(printf %s "$input" | sed 's/.*"dir":"\\([^"]*\\)".*/\\1/')
    cp "$dir/data" "$to/data"; echo '{"progress":{"transferredBytes":1,"rounds":1}}'
    stop; echo '{"paused":true}'
    [ -f "$dir/fail" ] && { echo disk full >&2; exit 3; }
    cp "$dir/data" "$to/data"; touch "$to/come" ;;
  cancel) alive || start ;;
  discard) rm -f "$dir/data" "$dir/come" ;;
esac
`;

function specOf(command: string): VmSpec {
  return {
    name: 'web',
    network: 'lab',
    mtu: 1500,
    macs: [],
    memoryBytes: 1,
    cpus: 1,
    machine: { driver: 'exec', command },
  };
}

function script(dir: string, text: string): string {
  const path = join(dir, `script-${Math.random().toString(36).slice(2)}`);
  writeFileSync(path, text.startsWith('#!') ? text : `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

function recorder(): VmEvents & { said: string[] } {
  const said: string[] = [];
  return {
    said,
    paused: () => void said.push('paused'),
    running: () => void said.push('running'),
    ended: (reason, expected) => void said.push(`ended: ${reason}, ${expected}`),
  };
}

/** Ended, whether or not its parent has looked at it. */
function isGone(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return true;
  }
}

async function until(what: string, check: () => boolean): Promise<void> {
  for (let waitedMs = 0; !check(); waitedMs += 5) {
    if (waitedMs > 10_000) throw new Error(`waited in vain for ${what}`);
    await sleep(5);
  }
}

t.test('a service that moves between two directories', async (t) => {
  const folder = t.testdir({ a: {}, b: {}, service: SERVICE });
  const service = join(folder, 'service');
  chmodSync(service, 0o755);
  const [dirA, dirB] = [join(folder, 'a'), join(folder, 'b')];
  const [specA, specB] = [specOf(`${service} ${dirA}`), specOf(`${service} ${dirB}`)];
  const driver = new ExecDriver({ statusPollMs: 50 });
  const port = driver.portOf(specA);
  t.equal(port, 'tap:web0');
  t.same(await driver.check(specA), []);
  t.match(await driver.check(specOf(`${service} ${folder}/none`)), [{ kind: 'image', blocking: true }]);
  t.equal(await driver.adopt(specA, port, recorder()), undefined);

  const eventsA = recorder();
  const vm = await driver.start(specA, port, eventsA);
  const adopted = await driver.adopt(specA, port, recorder());
  t.equal(adopted?.console, '/c');
  adopted?.release();
  t.equal(await vm.state(), 'running');
  let current: RunningVm = vm;

  await t.test('fails half-way: runs on at the source', async (t) => {
    writeFileSync(join(dirA, 'fail'), '');
    const eventsB = recorder();
    const arrival = await driver.receive(specB, port, {}, eventsB);
    const { done } = vm.send(arrival.ticket, {}, () => {});
    await t.rejects(done, { code: 'VNET_ERR_INTERNAL', message: /send web' failed: disk full/ });
    t.same(eventsA.said, ['paused', 'running']);
    await arrival.discard();
    await t.rejects(arrival.arrived, { code: 'VNET_ERR_CLOSED' });
    t.notOk(existsSync(join(dirB, 'data')), 'thrown away');
    t.same(eventsB.said, []);
  });

  await t.test('moves', async (t) => {
    rmSync(join(dirA, 'fail'));
    const eventsB = recorder();
    const arrival = await driver.receive(specB, port, {}, eventsB);
    const progress: MoveTransfer[] = [];
    await vm.send(arrival.ticket, {}, (transfer) => void progress.push(transfer)).done;
    current = await arrival.arrived;
    t.match(progress, [{ transferredBytes: 1, rounds: 1, postCopy: false }]);
    await until('the source to be told', () => eventsA.said.length === 4);
    t.same(eventsA.said.slice(2), ['paused', 'ended: moved to another host, true']);
    t.same(eventsB.said, ['running']);
    t.equal(await current.state(), 'running');
    await t.rejects(vm.state(), { code: 'VNET_ERR_NOT_FOUND' });
    await t.rejects(arrival.discard(), { code: 'VNET_ERR_REFUSED' });
    t.ok(readFileSync(join(dirB, 'data'), 'utf8').length >= readFileSync(join(dirA, 'data'), 'utf8').length);
    process.kill(Number(readFileSync(join(dirB, 'pid'), 'utf8')));
    await until('the poll to notice', () => eventsB.said.length === 2);
    t.equal(eventsB.said[1], 'ended: it was stopped or moved by others, false');
  });
});

t.test('scripts that do not do what they should', async (t) => {
  const folder = t.testdir();
  const driver = new ExecDriver();
  const start = (text: string) => driver.start(specOf(script(folder, text)), 'tap:web0', recorder());
  await t.rejects(start('echo hello'), {
    code: 'VNET_ERR_INVALID',
    message: /start web' wrote "hello": expected a JSON/,
  });
  await t.rejects(start(`echo '{"colour":1}'`), { message: /'colour' is none of state, progress/ });
  await t.rejects(start(`echo '{"state":"odd"}'`), { message: /'state' has a value/ });
  await t.rejects(start('head -c 100000 /dev/zero'), { message: /a line has at most 65536 octets/ });
  await t.rejects(start('kill -9 $$'), { code: 'VNET_ERR_INTERNAL', message: /failed: Killed/ });
  await t.rejects(start('echo no such domain >&2; exit 1'), { message: /failed: no such domain/ });
  await t.rejects(start(`echo '{"error":"no room"}'; exit 1`), { message: /failed: no room/ });
  await t.rejects(driver.start(specOf('/no/such/program'), 'tap:x', recorder()), { message: /not found/ });
  t.match(await driver.check(specOf('false')), [{ kind: 'driver', blocking: true }]);
  const silent = specOf(script(folder, 'true'));
  await t.rejects(driver.adopt(silent, 'tap:x', recorder()), {
    code: 'VNET_ERR_INVALID',
    message: /told no state/,
  });
  await t.rejects(driver.receive(silent, 'tap:x', {}, recorder()), { message: /ended without a ticket/ });
  for (const [text, why] of [
    ['[]', /JSON object/],
    ['{"ticket":3}', /'ticket'/],
    ['{"progress":{"rounds":-1}}', /'progress'/],
    ['{"obstacles":[{"kind":"odd","message":"m","blocking":true}]}', /'obstacles'/],
    ['{"__proto__":{}}', /none of/],
  ] as const) {
    t.throws(() => parseLine(text, 'x'), { code: 'VNET_ERR_INVALID', message: why }, text);
  }
});

t.test('a command that hangs ends with all that it started', async (t) => {
  const folder = t.testdir();
  const pids = join(folder, 'pids');
  const hang = script(
    folder,
    `case $1 in
      receive) echo '{"ticket":{}}'; trap '' TERM; sleep 99 & echo $! $$ > ${pids}; wait; wait; sleep 99 ;;
      send) echo $$ > ${pids}.send; echo '{"paused":true}'; sleep 99 ;;
      status) echo '{"state":"running"}' ;;
    esac`,
  );
  const driver = new ExecDriver();
  const started = await driver.start(specOf(hang), 'tap:x', recorder());
  const events = recorder();
  const vm = (await driver.adopt(specOf(hang), 'tap:x', events)) as RunningVm;
  started.release();
  const outgoing = vm.send({ driver: 'exec' }, {}, () => {});
  t.throws(() => vm.send({ driver: 'exec' }, {}, () => {}), { code: 'VNET_ERR_CONFLICT' });
  await until('the pause', () => events.said.length === 1);
  await outgoing.cancel();
  await t.rejects(outgoing.done, { code: 'VNET_ERR_CLOSED' });
  t.same(events.said, ['paused', 'running'], 'it runs on here');
  vm.release();

  const stopped = specOf(
    `sh -c 'if [ $1 = status ]; then echo "{\\"state\\":\\"stopped\\"}"; else ${hang} "$@"; fi' x`,
  );
  const arrival = await driver.receive(stopped, 'tap:x', { timeoutMs: 60_000 }, recorder());
  await until('its pids', () => existsSync(pids) && readFileSync(pids, 'utf8').endsWith('\n'));
  const [child = 0, self = 0] = readFileSync(pids, 'utf8').trim().split(' ').map(Number);
  await arrival.discard();
  await until('both to be gone', () => [child, self].every(isGone));

  const late = await driver.receive(stopped, 'tap:x', { timeoutMs: 300 }, recorder());
  await t.rejects(late.arrived, { code: 'VNET_ERR_TIMEOUT', message: /did not end within 300 ms/ });
});

t.test("the daemon's priority is not the VM's", { skip: mayNotRaise() }, async (t) => {
  const folder = t.testdir();
  const before = getPriority();
  setPriority(-5);
  t.teardown(() => setPriority(before));
  const told = join(folder, 'nice');
  const command = script(folder, `sleep 0.1; nice > ${told}; echo '{"state":"running"}'`);
  const vm = await new ExecDriver().start(specOf(command), 'tap:x', recorder());
  vm.release();
  t.equal(readFileSync(told, 'utf8'), '0\n');
});

function mayNotRaise(): string | false {
  const before = getPriority();
  try {
    setPriority(before - 1);
    setPriority(before);
    return false;
  } catch {
    return 'this process may not raise its priority';
  }
}

t.test('a receive that ends and leaves the rest to others', async (t) => {
  const folder = t.testdir();
  const mark = join(folder, 'mark');
  const command = script(
    folder,
    `case $1 in receive) echo '{"ticket":{"a":1}}' ;;
      status) if [ -f ${mark} ]; then echo '{"state":"running"}'; else echo '{"state":"stopped"}'; fi ;; esac`,
  );
  const events = recorder();
  const arrival = await new ExecDriver().receive(specOf(command), 'tap:x', {}, events);
  t.same(arrival.ticket, { driver: 'exec', a: 1 });
  writeFileSync(mark, '');
  const vm = await arrival.arrived;
  t.same(events.said, ['running']);
  vm.release();
});
