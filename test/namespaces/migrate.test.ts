/** Light VMs that move between real daemons: alone, together, in circles; and what cannot be. */
import t, { type Test } from 'tap';
import { type MoveResult, type Topology, VM_MEMORY_BYTES } from '../../core/index.js';
import { OverlayLab, parseLab } from '../../lab/index.js';
import { Conversation, labName, needNamespaces, pings, reaches } from './index.js';

const skip = needNamespaces();
const TOGETHER = 10;
const OTHERS = Array.from({ length: TOGETHER - 1 }, (_, i) => `w${i}`);
const ALL = ['w', ...OTHERS];
const LAB = `
underlay 10.77.0.0/24
host home
host a
host b
host c
vm p on home mac 02:00:00:00:00:0b ip 10.9.0.11/24
vm w on a mac 02:00:00:00:00:0a ip 10.9.0.10/24
vm x on b mac 02:00:00:00:00:0c ip 10.9.0.12/24
vm fixed on a mac 02:00:00:00:00:0d ip 10.9.0.13/24
${OTHERS.map((name, i) => `vm ${name} on a mac 02:00:00:00:01:0${i} ip 10.9.0.2${i}/24`).join('\n')}
`;

/** With so much memory for VMs each, in VMs; the Proxy's host has none. */
function limited(overlay: OverlayLab, rooms: Record<string, number> = {}): Topology {
  const base = overlay.topology();
  return {
    ...base,
    hosts: base.hosts.map((host) => ({
      ...host,
      memoryBytes: Math.max(
        1,
        (rooms[host.name] ?? (host.name === 'home' ? 0 : 2 * TOGETHER)) * VM_MEMORY_BYTES,
      ),
    })),
    vms: base.vms.map(({ machine, ...vm }) => {
      if (vm.name === 'p') return vm; // Nobody of ours runs it.
      return { ...vm, ...(machine && { machine }), ...(vm.name === 'fixed' && { pinned: true }) };
    }),
  };
}

t.test('light VMs move', { skip }, async (t) => {
  const overlay = await OverlayLab.make(parseLab(LAB), { name: labName('m') });
  t.teardown(() => overlay.close());
  const client = overlay.client();
  const give = (rooms?: Record<string, number>) =>
    client.apply({ kind: 'target', topology: limited(overlay, rooms) });
  await give();
  await overlay.whole();
  for (const vm of ['w', 'x', 'fixed']) await client.startVm(vm);
  await reaches(overlay, 'p', '10.9.0.10');

  const move = (...moves: [string, string][]): Promise<MoveResult[]> =>
    client.moveVms({ moves: moves.map(([vm, host]) => ({ vm, host })) });
  /** Where the overlay says it is, which is where its wire is. */
  const hostOf = async (t: Test, vm: string): Promise<string | undefined> => {
    const status = (await client.vms()).find((other) => other.vm === vm);
    await overlay.lab.refresh();
    t.equal(overlay.lab.spec.vms.find(({ name }) => name === vm)?.host, status?.host, `the wire of ${vm}`);
    t.strictSame(status?.mayRunOn, [status?.host]);
    t.equal(status?.state, 'running');
    return status?.host;
  };

  await t.test('there and back, while it talks', async (t) => {
    const conversation = await Conversation.begin(overlay, 'p', 'w');
    t.teardown(() => conversation.close());
    let lost = 0;
    for (const host of ['b', 'c', 'a']) {
      const phases: string[] = [];
      const [result] = await client.moveVms({ moves: [{ vm: 'w', host }] }, ({ phase }) =>
        phases.push(phase),
      );
      t.match(result, { vm: 'w', to: host, outcome: 'moved', lostFrames: Number, downtimeMs: Number });
      t.strictSame(
        [...new Set(phases)],
        ['waiting', 'checking', 'preparing', 'copying', 'switching', 'cleaning'],
      );
      t.equal(await hostOf(t, 'w'), host);
      lost += result?.lostFrames ?? 0;
    }
    const heard = await conversation.end();
    t.ok(heard.sent - heard.heard <= lost, `no more lost than it says: ${JSON.stringify(heard)}, ${lost}`);
    t.equal(heard.twice, 0);
    t.equal(heard.broken, undefined);
    t.equal(heard.back, heard.lines, 'every line came back');
  });

  await t.test('one that sends nothing is found at once', async (t) => {
    for (const host of ['b', 'a']) {
      await move(['w', host]);
      const { received, rttMs } = await pings(overlay, 'p', '10.9.0.10', 1);
      t.equal(received, 1);
      t.comment(`answered after ${rttMs} ms`);
    }
  });

  await t.test('two change places where neither has room for both: through a third host', async (t) => {
    await give({ a: 2, b: 1, c: 1 }); // `fixed` and w, x, none.
    const results = await move(['w', 'b'], ['x', 'a']);
    t.match(
      results.map(({ outcome }) => outcome),
      ['moved', 'moved'],
      JSON.stringify(results),
    );
    t.strictSame(
      results.flatMap(({ via }) => via ?? []),
      ['c'],
    );
    t.strictSame([await hostOf(t, 'w'), await hostOf(t, 'x')], ['b', 'a']);
    await give({ a: 2, b: 1, c: 0 });
    const refused = await move(['w', 'a'], ['x', 'b']);
    t.match(refused, [
      { outcome: 'stayed', reason: /free/ },
      { outcome: 'stayed', reason: /free/ },
    ]);
    t.strictSame([await hostOf(t, 'w'), await hostOf(t, 'x')], ['b', 'a']);
    await give();
    await move(['w', 'a'], ['x', 'b']);
  });

  await t.test(`${TOGETHER} together, one of them called back`, async (t) => {
    for (const vm of OTHERS) await client.startVm(vm);
    const last = OTHERS.at(-1) ?? '';
    let cancelled: Promise<void> | undefined;
    const results = await client.moveVms({ moves: ALL.map((vm) => ({ vm, host: 'b' })) }, ({ vm, phase }) => {
      if (vm === last && phase === 'waiting') cancelled ??= client.cancelMove(last);
    });
    await cancelled;
    const stayed = results.filter(({ outcome }) => outcome !== 'moved');
    t.match(stayed, [{ vm: last, outcome: 'stayed', reason: /cancelled/ }]);
    t.equal(stayed.length, 1);
    for (const vm of ALL) t.equal(await hostOf(t, vm), vm === last ? 'a' : 'b');
    t.match(await move([last, 'b']), [{ outcome: 'moved' }]);
    await t.rejects(client.cancelMove('w'), { code: 'VNET_ERR_NOT_FOUND' });
  });

  await t.test('a host is drained', async (t) => {
    const results = await client.drainHost('b');
    t.equal(results.filter(({ outcome }) => outcome === 'moved').length, TOGETHER + 1);
    for (const vm of [...ALL, 'x']) t.not(await hostOf(t, vm), 'b');
    t.match(
      (await client.drainHost('a')).filter(({ outcome }) => outcome === 'stayed'),
      [{ vm: 'fixed', reason: /pinned/ }],
    );
    for (const vm of OTHERS) await client.stopVm(vm);
  });

  await t.test('what cannot be', async (t) => {
    await t.rejects(move(['nobody', 'b']), { code: 'VNET_ERR_NOT_FOUND' });
    await t.rejects(move(['w', 'nowhere']), { code: 'VNET_ERR_NOT_FOUND' });
    await t.rejects(move(['w', 'a'], ['w', 'b']), { code: 'VNET_ERR_INVALID' });
    const here = (await hostOf(t, 'w')) ?? '';
    const there = ['a', 'b', 'c'].find((host) => host !== here) ?? '';
    const [same, pinned, foreign, stopped, full] = await move(
      ['w', here],
      ['fixed', 'b'],
      ['p', 'b'],
      [OTHERS[0] ?? '', 'b'],
      ['x', 'home'],
    );
    t.match(same, { outcome: 'stayed', reason: /is on . already/ });
    t.match(pinned, { outcome: 'stayed', reason: /pinned on a/ });
    t.match(foreign, { outcome: 'stayed', reason: /somebody else runs it/ });
    t.match(stopped, { outcome: 'stayed', reason: /does not run/ });
    t.match(full, { outcome: 'stayed', reason: /free/ });
    let again: Promise<MoveResult[]> | undefined;
    await client.moveVms({ moves: [{ vm: 'w', host: there }] }, () => {
      again ??= move(['w', here]);
    });
    t.match(await again, [{ outcome: 'stayed', reason: /moves already/ }]);
    t.match(await client.checkVm('x', 'home'), { possible: false, obstacles: [{ kind: 'memory' }] });
    t.match(await client.checkVm('fixed', 'b'), { possible: false, obstacles: [{ kind: 'place' }] });
    t.equal(await hostOf(t, 'w'), there);
  });
});
