/**
 * Daemons that are killed, and a control link that is cut, in the midst of a move. Whatever comes of the move: the VM is in
 * one place, what is said of it is true, and where that cannot be known it is said to be unknown.
 */
import t, { type Test } from 'tap';
import type { MovePhase, MoveResult, VmStatus } from '../../core/index.js';
import { OverlayLab, parseLab } from '../../lab/index.js';
import { labName, needNamespaces, reaches } from './index.js';

const skip = needNamespaces();
t.setTimeout(180_000);
const IP = '10.9.0.10';
const LAB = `
underlay 10.77.0.0/24
host home
host a
host b
vm p on home mac 02:00:00:00:00:0b ip 10.9.0.11/24
vm w on a mac 02:00:00:00:00:0a ip ${IP}/24
`;
const PHASES: MovePhase[] = ['preparing', 'copying', 'switching', 'cleaning'];
/** The Proxy says `unknown` after ten seconds without getting on. */
const SETTLED_MS = 30_000;

t.test('in the midst of a move', { skip }, async (t) => {
  const overlay = await OverlayLab.make(parseLab(LAB), { name: labName('n') });
  t.teardown(() => overlay.close());
  const topology = overlay.topology();
  // Nobody of ours runs the one that asks.
  const vms = topology.vms.map(({ machine, ...vm }) =>
    vm.name === 'w' && machine ? { ...vm, machine } : vm,
  );
  await overlay.client().apply({ kind: 'target', topology: { ...topology, vms } });
  await overlay.whole();
  await overlay.client().startVm('w');
  await reaches(overlay, 'p', IP);
  let here = 'a';

  const status = async (): Promise<VmStatus> => {
    const found = (await overlay.client().vms()).find(({ vm }) => vm === 'w');
    if (!found) throw new Error('w is not listed');
    return found;
  };
  const wire = async (): Promise<string | undefined> => {
    await overlay.lab.refresh();
    return overlay.lab.spec.vms.find(({ name }) => name === 'w')?.host;
  };
  /** Moves it to the other host; `act` is called once, when the move comes to the phase. */
  const moveAnd = async (phase: MovePhase, act: (from: string, to: string) => Promise<unknown>) => {
    const [from, to] = here === 'a' ? ['a', 'b'] : ['b', 'a'];
    let acting: Promise<unknown> | undefined;
    const moves = [{ vm: 'w', host: to }];
    const ended = overlay
      .client()
      .moveVms({ moves }, (view) => {
        if (view.phase === phase) acting ??= act(from, to);
      })
      .then(
        ([result]) => result,
        (thrown: unknown) => {
          if (!acting) throw thrown;
          return undefined; // The Proxy it was asked of is no more.
        },
      );
    const result = await ended;
    await acting;
    return { from, to, result, acted: acting !== undefined };
  };
  /** Everybody is back: it runs, once, where its wire is, and answers. */
  const settles = async (t: Test, result: MoveResult | undefined, from: string, to: string) => {
    const now = await overlay.until(
      'the VM settled',
      async () => {
        const { hosts } = await overlay.client().overview();
        if (hosts.some(({ phase }) => phase !== 'ready')) return undefined;
        const { state, mayRunOn, move } = await status();
        return state === 'running' && mayRunOn.length === 1 && !move ? mayRunOn[0] : undefined;
      },
      SETTLED_MS,
    );
    here = now;
    t.equal(await wire(), now, 'it is where its wire is');
    if (result?.outcome === 'moved') t.equal(now, to);
    if (result?.outcome === 'stayed') t.equal(now, from);
    t.comment(`${result?.outcome ?? 'nobody to ask'}: ${result?.reason ?? ''}; on ${now}`);
    await reaches(overlay, 'p', IP);
  };
  /** While a host is away, nothing is said of the VM that only this host could know. */
  const isHonest = async (t: Test, away: string) => {
    await overlay.until('the host known to be away', async () => {
      const { hosts } = await overlay.client().overview();
      return hosts.some(({ name, phase }) => name === away && phase !== 'ready');
    });
    const { state, mayRunOn } = await status();
    t.ok(mayRunOn.length > 0 && mayRunOn.includes((await wire()) ?? ''), `${mayRunOn} may run it`);
    t.equal(state === 'unknown', mayRunOn.includes(away), `${state} where ${mayRunOn} may run it`);
  };

  for (const who of ['destination', 'source'] as const) {
    for (const phase of PHASES) {
      await t.test(`the ${who}'s daemon is killed: ${phase}`, async (t) => {
        let victim = '';
        const { from, to, result, acted } = await moveAnd(phase, (source, destination) => {
          victim = who === 'source' ? source : destination;
          return overlay.stop(victim, 'SIGKILL');
        });
        if (!acted) return t.pass(`the move was over before: ${JSON.stringify(result)}`);
        t.ok(result, 'the Proxy says how it came out');
        await isHonest(t, victim);
        await overlay.start(victim);
        await settles(t, result, from, to);
      });
    }
  }

  for (const phase of PHASES) {
    await t.test(`the Proxy is killed: ${phase}`, async (t) => {
      const { from, to, acted } = await moveAnd(phase, () => overlay.stop('home', 'SIGKILL'));
      if (!acted) return t.pass('the move was over before');
      await overlay.start('home');
      await overlay.whole();
      await settles(t, undefined, from, to);
    });
  }

  for (const who of ['destination', 'source'] as const) {
    await t.test(`the ${who} is cut off`, async (t) => {
      let victim = '';
      const { from, to, result } = await moveAnd('copying', (source, destination) => {
        victim = who === 'source' ? source : destination;
        return overlay.lab.setPath('home', victim, { up: false });
      });
      await isHonest(t, victim);
      await overlay.lab.setPath('home', victim, { up: true });
      await overlay.whole();
      await settles(t, result, from, to);
    });
  }
});
