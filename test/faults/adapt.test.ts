/** Adaptation in trouble: the Proxy is killed in the middle of a plan, a host in the middle of a move; hosts lie, or say nothing. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type AdaptProgress, type AdaptRecord, VnetError } from '../../core/index.js';
import { AdaptBed, needNamespaces, pause, QUICK } from '../namespaces/index.js';
import { IMPOSTOR_PROGRAM } from './impostor.js';

const skip = needNamespaces();
t.setTimeout(180_000);
/** In which it would decide, if it did. */
const WATCHED_MS = 3000;
const CONTROL_PORT = '7701';
/** Somebody else is in a host's place until what was claimed is decided about, and no longer than this. */
const CLAIMED_MS = 60_000;

t.test('adaptation in trouble', { skip }, async (t) => {
  const bed = await AdaptBed.make(t, 'u');
  const { overlay } = bed;
  await bed.set(QUICK);

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
    return (await bed.view()).history.find(({ id, actions }) => !known.has(id) && actions.length > 0);
  };

  for (const [step, mechanism] of [
    ['link', 'topology'],
    ['route', 'topology'],
    ['move', 'migration'],
  ] as const) {
    await t.test(`the Proxy is killed in the middle of a plan: ${step}`, async (t) => {
      const plan = await bed.planned(mechanism);
      const before = (await bed.view()).history;
      const isTime = (now: AdaptProgress) => now.step === step && !/waiting|checking/.test(now.text);
      const { acted } = await applyAnd(plan.id, isTime, () => overlay.stop('home', 'SIGKILL'));
      t.ok(acted);
      await overlay.start('home');
      await overlay.whole();
      const record = await bed.decided('completed or undone', () => recordOf(before));
      t.comment(`${record.outcome}: ${record.reason}`);
      const { adapted } = await bed.view();
      const isDone = record.outcome !== 'failed';
      const wanted = (kind: string) =>
        isDone ? plan.actions.filter(({ action }) => action.kind === kind).length : 0;
      t.equal(adapted.links.length, wanted('link'), 'whole, or not at all');
      t.equal(adapted.routes.length, wanted('route'));
      t.equal((await bed.made('a')).length > 0, wanted('link') > 0);
      for (const { action } of plan.actions) {
        if (action.kind === 'move') t.equal(await bed.hostOf(action.vm), isDone ? action.to : action.from);
      }
      for (const vm of ['p0', 'p1']) t.equal(await bed.wireOf(vm), await bed.hostOf(vm), `the wire of ${vm}`);
      await bed.reaches();
      await bed.afresh(t);
    });
  }

  await t.test('a host dies in the middle of a migration', async (t) => {
    const plan = await bed.planned('migration');
    const [move] = plan.actions.flatMap(({ action }) => (action.kind === 'move' ? [action] : []));
    const before = (await bed.view()).history;
    const { outcome, acted } = await applyAnd(
      plan.id,
      ({ text }) => /preparing|copying/.test(text),
      () => overlay.stop(move?.to ?? '', 'SIGKILL'),
    );
    t.ok(acted && move);
    const record = await bed.decided('what came of it', () => recordOf(before));
    t.comment(`${outcome instanceof VnetError ? outcome.message : outcome.outcome}; ${record.reason}`);
    await overlay.start(move?.to ?? '');
    await overlay.whole();
    const host = await bed.decided('it runs, once', async () => {
      const vm = (await overlay.client().vms()).find((one) => one.vm === move?.vm);
      return vm?.state === 'running' && vm.mayRunOn.length === 1 && !vm.move ? vm.host : undefined;
    });
    t.equal(await bed.wireOf(move?.vm ?? ''), host);
    t.match(record.reason, host === move?.to ? /./ : /stayed|undone/);
    await bed.reaches();
    await bed.afresh(t);
  });

  await t.test('a host that claims what cannot be, and what was long ago, is not decided by', async (t) => {
    await overlay.stop('c');
    const token = readFileSync(join(overlay.directory, 'token'), 'utf8').trim();
    const home = overlay.lab.host('home').address;
    const words = [home, CONTROL_PORT, token, 'c', 'claims', String(CLAIMED_MS), '0'];
    const impostor = overlay.lab
      .host('c')
      .spawn([process.execPath, IMPOSTOR_PROGRAM, ...words], { stdio: 'ignore' });
    const ended = once(impostor, 'close');
    const plan = await bed.decided('the claims are known, and not believed', async () => {
      if (impostor.exitCode !== null) throw new Error('the impostor is gone');
      const found = await overlay
        .client()
        .planAdaptation({ settings: { mechanisms: ['topology', 'migration'] } });
      const notes = found.notes.join('\n');
      return /not believed: [^\n]*home to c/.test(notes) && found.actions.length > 0 ? found : undefined;
    });
    t.match(plan.notes.join('\n'), /not known[^\n]*: [^\n]*c to home/, 'nor what was long ago');
    t.notMatch(JSON.stringify(plan.actions.map(({ action }) => action)), /"c"/, 'nothing goes there');
    impostor.kill();
    await ended;
    await overlay.start('c');
    await overlay.whole();
    await bed.afresh(t);
  });

  await t.test('without measurements it does nothing, and says what is missing', async (t) => {
    await bed.hush();
    const silent = async () => (await overlay.client().inferredTopology()).state === 'silent';
    await bed.decided('silence', silent);
    await bed.set({ ...QUICK, mode: 'auto', mechanisms: ['topology', 'migration'] });
    const { history } = await bed.view();
    const plan = await bed.decided('nothing to plan, once what was is forgotten', async () => {
      const found = await overlay.client().planAdaptation();
      return found.actions.length === 0 ? found : undefined;
    });
    t.match(plan, { worthIt: false, verdict: /no VMs|nothing/ });
    await pause(WATCHED_MS);
    t.equal((await bed.view()).history.length, history.length, (await bed.view()).state);
    await bed.talk();
    await bed.afresh(t);
  });
});
