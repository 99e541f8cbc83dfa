/** Adaptation over real daemons: it makes a link, moves a VM, lets go; people and solvers are in its way. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { emptyChange, sameTopology, VnetError } from '../../core/index.js';
import { AdaptBed, needNamespaces, pause, QUICK } from './index.js';

const skip = needNamespaces();
t.setTimeout(180_000);
/** In which a decision would come again, if it did. */
const WATCHED_MS = 3000;

t.test('adaptation over real daemons', { skip }, async (t) => {
  const bed = await AdaptBed.make(t, 'v');
  const { overlay, base } = bed;

  await t.test('a fast path by itself, which is taken away again', async (t) => {
    await bed.set({ ...QUICK, mode: 'auto', mechanisms: ['topology'] });
    const { adapted } = await bed.decided('a link and a route', async () => {
      const now = await bed.view();
      return now.adapted.links.length > 0 && now.adapted.routes.length > 0 ? now : undefined;
    });
    t.match(adapted, { links: [{ type: 'udp', a: 'a', b: 'b' }], routes: [{ via: ['a', 'b'] }] });
    t.strictSame([await bed.made('a'), await bed.made('b')], [['b'], ['a']]);
    t.equal(await bed.hops(), 'a,b');
    const kept = await bed.decided('what came of it', async () =>
      (await bed.view()).history.find(({ outcome }) => outcome === 'kept'),
    );
    t.ok((kept.measuredGain ?? 0) > 0, `faster by ${kept.measuredGain}: ${kept.reason}`);
    t.match(await overlay.client().whyAdapted('a b'), { owner: 'adapt', record: { outcome: 'kept' } });
    const { topology } = await overlay.client().overview();
    t.ok(sameTopology(topology, base), "the user's topology is as it was");
    t.strictSame((await overlay.client().plan({ kind: 'target', topology: base })).steps, []);

    await bed.set({ mode: 'off' });
    t.match(await overlay.client().clearAdaptation(), { by: 'user', outcome: 'applied' });
    t.strictSame([await bed.made('a'), await bed.made('b'), await bed.hops()], [[], [], 'a,home,b']);
    t.equal(await overlay.client().clearAdaptation(), undefined, 'nothing is left');
  });

  await t.test('a VM goes to whom it talks to', async (t) => {
    await bed.set({ ...QUICK, mode: 'auto', mechanisms: ['migration'] });
    await bed.decided('both on one host', async () => (await bed.hostOf('p0')) === (await bed.hostOf('p1')));
    t.equal(await bed.wireOf('p0'), await bed.hostOf('p0'));
    t.equal(await bed.wireOf('p1'), await bed.hostOf('p1'));
    const record = await bed.decided('the record', async () =>
      (await bed.view()).history.find(({ actions }) => actions.some(({ kind }) => kind === 'move')),
    );
    t.match(record, { by: 'auto' });
    await bed.afresh(t);
  });

  await t.test('a person changes the topology meanwhile: theirs wins, and stays', async (t) => {
    await bed.set({ ...QUICK, mode: 'auto', mechanisms: ['topology'] });
    await bed.decided('a link and a route', async () => (await bed.view()).adapted.routes.length > 0);
    const theirs = emptyChange();
    theirs.add.routes.push({ network: 'lab', from: 'p0', to: 'p1', both: true, via: ['a', 'home', 'b'] });
    theirs.remove.links.push(...(await bed.view()).adapted.links);
    const { steps } = await overlay.client().apply({ kind: 'change', change: theirs });
    t.match(steps.slice(0, 2), [{ sign: '+' }, { sign: '-', kind: 'link' }]);
    for (const until = performance.now() + WATCHED_MS; performance.now() < until; await pause(200)) {
      if ((await bed.hops()) !== 'a,home,b') t.fail('it was taken back');
      if ((await bed.view()).adapted.routes.length > 0) t.fail('beside theirs there is another');
    }
    t.strictSame(await bed.made('a'), []);
    t.ok(
      (await bed.view()).history.some(({ outcome }) => outcome === 'overruled'),
      'and it is known',
    );
    await bed.afresh(t);
  });

  await t.test('a solver without an end: the Proxy answers, and decides without it', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'vnet-solver-'));
    t.teardown(() => rmSync(directory, { recursive: true }));
    const solver = join(directory, 'endless.mjs');
    writeFileSync(solver, 'export function solve() { for (;;); }\n');
    await bed.planned('topology');
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
    await t.rejects(bed.set({ solver: 'nonsense' }), { code: 'VNET_ERR_INVALID' });
    await bed.set({ ...QUICK, mode: 'auto', mechanisms: ['topology'], solver });
    await bed.decided('it is known that it fails', async () =>
      (await bed.view()).history.find(
        ({ outcome, reason }) => outcome === 'failed' && /endless/.test(reason),
      ),
    );
    await bed.set({ solver: 'auto' });
    await bed.decided(
      'and with another it goes on',
      async () => (await bed.view()).adapted.routes.length > 0,
    );
    await bed.afresh(t);
  });
});
