/** Adaptation over real daemons: it makes a link, moves a VM, and lets go; and what befalls it in the middle. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import {
  type AdaptProgress,
  type AdaptRecord,
  type AdaptSettings,
  emptyChange,
  sameTopology,
  VnetError,
} from '../../core/index.js';
import { OverlayLab, parseLab, startPatterns } from '../../lab/index.js';
import { IMPOSTOR_PROGRAM } from '../faults/impostor.js';
import { labName, needNamespaces, reaches } from './index.js';

const skip = needNamespaces();
t.setTimeout(240_000);
const MIB = 2 ** 20;
/** The way between a and b is wide, and all others are narrow. */
const LAB = `
underlay 10.77.0.0/24
host home
host a
host b
host c
pair home * rate 6M delay 3ms
pair c * rate 2M delay 20ms
pair a b rate 100M delay 1ms
vm p0 on a mac 02:00:00:00:70:00 ip 10.9.0.10/24
vm p1 on b mac 02:00:00:00:70:01 ip 10.9.0.11/24
`;
const OTHER = '10.9.0.11';
/** Quick, and content with little: what is tested is what is done, not what is worth it. */
const QUICK: Partial<AdaptSettings> = { settleMs: 1000, confirmMs: 200, gainThreshold: 0.02, budgetMs: 50 };
/** Until traffic is seen, has settled, and what could be better is known. */
const DECIDED_MS = 40_000;
/** In which a decision would come again, if it did. */
const WATCHED_MS = 3000;
/** Looking costs a search, here and there. */
const POLL_MS = 150;
const CONTROL_PORT = '7701';
/** For as long as somebody else is in a host's place. */
const CLAIMED_MS = 12_000;

t.test('adaptation over real daemons', { skip }, async (t) => {
  const overlay = await OverlayLab.make(parseLab(LAB), { name: labName('v') });
  t.teardown(() => overlay.close());
  const base = overlay.topology();
  base.vms = base.vms.map((vm) => ({ ...vm, memoryBytes: 16 * MIB }));
  await overlay.client().apply({ kind: 'target', topology: base });
  await overlay.whole();
  for (const vm of ['p0', 'p1']) await overlay.client().startVm(vm);
  await overlay.client().setSight({ updateMs: 100, smoothingMs: 500 });
  await reaches(overlay, 'p0', OTHER);

  const talk = () =>
    startPatterns([overlay.lab.vm('p0'), overlay.lab.vm('p1')], {
      shape: 'ring',
      messageBytes: 40_000,
      pauseUs: 2000,
      stallTimeoutMs: 120_000,
    });
  let talking = await talk();
  t.teardown(() => talking.stop().catch(() => {}));

  const view = () => overlay.client().adaptation(100);
  const set = (settings: Partial<AdaptSettings>) => overlay.client().setAdaptation(settings);
  const hostOf = async (vm: string) => (await overlay.client().vms()).find((one) => one.vm === vm)?.host;
  const wireOf = async (vm: string) => {
    await overlay.lab.refresh();
    return overlay.lab.spec.vms.find(({ name }) => name === vm)?.host;
  };
  const hops = async () => {
    const found = await overlay.client().route('p0', 'p1');
    return found.hops.map(({ host }) => host).join();
  };
  /** Links of adaptation's, as the hosts themselves have them. */
  const made = async (host: string) =>
    (await overlay.client(host).local()).links
      .filter(({ owner }) => owner === 'adapt')
      .map(({ peer }) => peer);
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const decided = <T>(what: string, check: () => Promise<T>) =>
    overlay.until(what, async () => (await check()) || pause(POLL_MS).then(() => undefined), DECIDED_MS);
  /** Everything as at first: nothing adapted, each VM where it starts. */
  const afresh = async () => {
    await set({ mode: 'off', solver: 'auto' });
    await overlay.client().clearAdaptation();
    await overlay.client().apply({ kind: 'target', topology: base });
    const moves = [
      { vm: 'p0', host: 'a' },
      { vm: 'p1', host: 'b' },
    ];
    await overlay.client().moveVms({ moves });
    t.strictSame([await wireOf('p0'), await wireOf('p1')], ['a', 'b']);
  };
  /** A plan that does something, by these mechanisms. */
  const planned = async (...mechanisms: AdaptSettings['mechanisms']) =>
    decided('a plan that is worth it', async () => {
      const plan = await overlay.client().planAdaptation({ settings: { mechanisms } });
      return plan.worthIt && plan.actions.length > 0 ? plan : undefined;
    });

  await t.test('a fast path by itself, which is taken away again', async (t) => {
    await set({ ...QUICK, mode: 'auto', mechanisms: ['topology'] });
    const { adapted } = await decided('a link and a route', async () => {
      const now = await view();
      return now.adapted.links.length > 0 && now.adapted.routes.length > 0 ? now : undefined;
    });
    t.match(adapted, { links: [{ type: 'udp', a: 'a', b: 'b' }], routes: [{ via: ['a', 'b'] }] });
    t.strictSame([await made('a'), await made('b')], [['b'], ['a']]);
    t.equal(await hops(), 'a,b');
    const kept = await decided('what came of it', async () =>
      (await view()).history.find(({ outcome }) => outcome === 'kept'),
    );
    t.ok((kept.measuredGain ?? 0) > 0, `faster by ${kept.measuredGain}: ${kept.reason}`);
    t.match(await overlay.client().whyAdapted('a b'), { owner: 'adapt', record: { outcome: 'kept' } });
    const { topology } = await overlay.client().overview();
    t.ok(sameTopology(topology, base), "the user's topology is as it was");
    t.strictSame((await overlay.client().plan({ kind: 'target', topology: base })).steps, []);

    await set({ mode: 'off' });
    t.match(await overlay.client().clearAdaptation(), { by: 'user', outcome: 'applied' });
    t.strictSame([await made('a'), await made('b'), await hops()], [[], [], 'a,home,b']);
    t.equal(await overlay.client().clearAdaptation(), undefined, 'nothing is left');
  });

  await t.test('a VM goes to whom it talks to', async (t) => {
    await set({ ...QUICK, mode: 'auto', mechanisms: ['migration'] });
    await decided('both on one host', async () => (await hostOf('p0')) === (await hostOf('p1')));
    t.equal(await wireOf('p0'), await hostOf('p0'));
    t.equal(await wireOf('p1'), await hostOf('p1'));
    const record = await decided('the record', async () =>
      (await view()).history.find(({ actions }) => actions.some(({ kind }) => kind === 'move')),
    );
    t.match(record, { by: 'auto' });
    await afresh();
  });

  await t.test('a person changes the topology meanwhile: theirs wins, and stays', async (t) => {
    await set({ ...QUICK, mode: 'auto', mechanisms: ['topology'] });
    await decided('a link and a route', async () => (await view()).adapted.routes.length > 0);
    const theirs = emptyChange();
    theirs.add.routes.push({ network: 'lab', from: 'p0', to: 'p1', both: true, via: ['a', 'home', 'b'] });
    theirs.remove.links.push(...(await view()).adapted.links);
    const { steps } = await overlay.client().apply({ kind: 'change', change: theirs });
    t.match(steps.slice(0, 2), [{ sign: '+' }, { sign: '-', kind: 'link' }]);
    for (const until = performance.now() + WATCHED_MS; performance.now() < until; await pause(200)) {
      if ((await hops()) !== 'a,home,b') t.fail('it was taken back');
      if ((await view()).adapted.routes.length > 0) t.fail('beside theirs there is another');
    }
    t.strictSame(await made('a'), []);
    t.ok(
      (await view()).history.some(({ outcome }) => outcome === 'overruled'),
      'and it is known',
    );
    await afresh();
  });

  /** Applies it; `act` is called once, when it is time. */
  const applyAnd = async (
    plan: string,
    isTime: (progress: AdaptProgress) => boolean,
    act: () => Promise<unknown>,
  ) => {
    let acting: Promise<unknown> | undefined;
    const outcome = await overlay
      .client()
      .applyAdaptation(plan, (progress) => {
        if (isTime(progress)) acting ??= act();
      })
      .catch((thrown) => VnetError.from(thrown));
    await acting;
    return { outcome, acted: acting !== undefined };
  };
  const recordOf = async (before: readonly AdaptRecord[]) => {
    const known = new Set(before.map(({ id }) => id));
    return (await view()).history.find(({ id, actions }) => !known.has(id) && actions.length > 0);
  };

  for (const [step, mechanism] of [
    ['link', 'topology'],
    ['route', 'topology'],
    ['move', 'migration'],
  ] as const) {
    await t.test(`the Proxy is killed in the middle of a plan: ${step}`, async (t) => {
      const plan = await planned(mechanism);
      const before = (await view()).history;
      const isTime = (now: AdaptProgress) => now.step === step && !/waiting|checking/.test(now.text);
      const { acted } = await applyAnd(plan.id, isTime, () => overlay.stop('home', 'SIGKILL'));
      t.ok(acted);
      await overlay.start('home');
      await overlay.whole();
      const record = await decided('completed or undone', () => recordOf(before));
      t.comment(`${record.outcome}: ${record.reason}`);
      const { adapted } = await view();
      const isDone = record.outcome !== 'failed';
      const wanted = (kind: string) =>
        isDone ? plan.actions.filter(({ action }) => action.kind === kind).length : 0;
      t.equal(adapted.links.length, wanted('link'), 'whole, or not at all');
      t.equal(adapted.routes.length, wanted('route'));
      t.equal((await made('a')).length > 0, wanted('link') > 0);
      for (const { action } of plan.actions) {
        if (action.kind === 'move') t.equal(await hostOf(action.vm), isDone ? action.to : action.from);
      }
      for (const vm of ['p0', 'p1']) t.equal(await wireOf(vm), await hostOf(vm), `the wire of ${vm}`);
      await reaches(overlay, 'p0', OTHER);
      await afresh();
    });
  }

  await t.test('a host dies in the middle of a migration', async (t) => {
    const plan = await planned('migration');
    const [move] = plan.actions.flatMap(({ action }) => (action.kind === 'move' ? [action] : []));
    const before = (await view()).history;
    const { outcome, acted } = await applyAnd(
      plan.id,
      ({ text }) => /preparing|copying/.test(text),
      () => overlay.stop(move?.to ?? '', 'SIGKILL'),
    );
    t.ok(acted && move);
    const record = await decided('what came of it', () => recordOf(before));
    t.comment(`${outcome instanceof VnetError ? outcome.message : outcome.outcome}; ${record.reason}`);
    await overlay.start(move?.to ?? '');
    await overlay.whole();
    const host = await decided('it runs, once', async () => {
      const vm = (await overlay.client().vms()).find((one) => one.vm === move?.vm);
      return vm?.state === 'running' && vm.mayRunOn.length === 1 && !vm.move ? vm.host : undefined;
    });
    t.equal(await wireOf(move?.vm ?? ''), host);
    t.match(record.reason, host === move?.to ? /./ : /stayed|undone/);
    await reaches(overlay, 'p0', OTHER);
    await afresh();
  });

  await t.test(
    'a solver without an end: the Proxy answers all the while, and decides without it',
    async (t) => {
      const directory = mkdtempSync(join(tmpdir(), 'vnet-solver-'));
      t.teardown(() => rmSync(directory, { recursive: true }));
      const solver = join(directory, 'endless.mjs');
      writeFileSync(solver, 'export function solve() { for (;;); }\n');
      let isOver = false;
      const plan = overlay
        .client()
        .planAdaptation({ settings: { solver, budgetMs: 200, mechanisms: ['topology'] } })
        .catch((thrown) => VnetError.from(thrown))
        .finally(() => {
          isOver = true;
        });
      let [longestMs, asked] = [0, 0];
      while (!isOver) {
        const startedMs = performance.now();
        await overlay.client('home').local();
        longestMs = Math.max(longestMs, performance.now() - startedMs);
        asked += 1;
        await pause(20);
      }
      const answer = await plan;
      t.comment(`${asked} answers meanwhile, the slowest after ${Math.round(longestMs)} ms`);
      t.ok(asked > 5 && longestMs < 1000);
      const said = answer instanceof VnetError ? answer.message : answer.notes.join();
      t.match(said, /endless\.mjs/, `it is said: ${said}`);
      await t.rejects(set({ solver: 'nonsense' }), { code: 'VNET_ERR_INVALID' });
      await set({ ...QUICK, mode: 'auto', mechanisms: ['topology'], solver });
      await decided('it is known that it fails', async () =>
        (await view()).history.find(({ outcome, reason }) => outcome === 'failed' && /endless/.test(reason)),
      );
      await set({ solver: 'auto' });
      await decided('and with another it goes on', async () => (await view()).adapted.routes.length > 0);
      await afresh();
    },
  );

  await t.test('a host that claims what cannot be, and what was long ago, is not decided by', async (t) => {
    await overlay.stop('c');
    const token = readFileSync(join(overlay.directory, 'token'), 'utf8').trim();
    const home = overlay.lab.host('home').address;
    const words = [home, CONTROL_PORT, token, 'c', 'claims', String(CLAIMED_MS), '0'];
    let isOver = false;
    const impostor = overlay.lab
      .host('c')
      .run([process.execPath, IMPOSTOR_PROGRAM, ...words])
      .finally(() => {
        isOver = true;
      });
    const plan = await decided('the claims are known, and not believed', async () => {
      if (isOver) throw new Error('the impostor is gone');
      const found = await overlay
        .client()
        .planAdaptation({ settings: { mechanisms: ['topology', 'migration'] } });
      const notes = found.notes.join('\n');
      return /not believed: [^\n]*home to c/.test(notes) && found.actions.length > 0 ? found : undefined;
    });
    t.match(plan.notes.join('\n'), /not known[^\n]*: [^\n]*c to home/, 'nor what was long ago');
    t.notMatch(JSON.stringify(plan.actions.map(({ action }) => action)), /"c"/, 'nothing goes there');
    await impostor;
    await overlay.start('c');
    await overlay.whole();
    await afresh();
  });

  await t.test('without measurements it does nothing, and says what is missing', async (t) => {
    await talking.stop();
    const silent = async () => (await overlay.client().inferredTopology()).state === 'silent';
    await decided('silence', silent);
    await set({ ...QUICK, mode: 'auto', mechanisms: ['topology', 'migration'] });
    const { history } = await view();
    const plan = await overlay.client().planAdaptation();
    t.match(plan, { actions: [], worthIt: false });
    await pause(WATCHED_MS);
    t.equal((await view()).history.length, history.length, (await view()).state);
    talking = await talk();
    await afresh();
  });
});
