import t from 'tap';
import { emptyChange, MemoryStore, type Store, type Topology, VnetError } from '../core/index.js';
import { CrashStore } from './crash-store.js';
import type { FakeHost } from './fake-fleet.js';
import { base, changed, clock, FASTER, Fleet, mac, withTree } from './fake-overlay.js';
import { createProxy } from './index.js';
import { INTENT_DELAY_MS, JOURNAL_STATEMENTS_MAX } from './intent.js';

/** No path changes at two hosts: done without a switch of epochs. */
function plainer(): Topology {
  const topology = base();
  topology.links.push({ type: 'tcp', a: 'a', b: 'd' });
  topology.vms = topology.vms.filter(({ name }) => name !== 'vm-c');
  return topology;
}

t.test('a crash at any moment leaves the old topology or the new', async (t) => {
  for (const change of [changed(), plainer()]) {
    const store = new CrashStore();
    const fleet = await Fleet.start(store);
    store.hosts = () => fleet.hosts.values();
    await fleet.target(base());
    await fleet.settle();
    const old = fleet.rules();
    store.states.length = 0;
    for (const host of fleet.hosts.values()) host.onStep = () => store.remember();
    let answered = Number.POSITIVE_INFINITY;
    await fleet.target(change).then(() => {
      answered = store.states.length;
      store.remember();
    });
    await fleet.settle();
    const wanted = fleet.rules();
    await fleet.proxy.close();
    t.ok(store.states.length > 8);
    const outcomes = new Set<number>();
    for (const [i, { found, hosts }] of store.states.entries()) {
      const revived = await Fleet.start(found, hosts);
      const { revision } = await revived.proxy.overview();
      outcomes.add(revision);
      t.same(revived.rules(), revision === 1 ? old : wanted, `moment ${i}, revision ${revision}`);
      if (i >= answered) t.equal(revision, 2, 'what was answered stands');
      const epochs = new Set([...revived.hosts.values()].map(({ config }) => config.networks[0]?.epoch));
      t.equal(epochs.size, 1, 'one epoch everywhere');
      await revived.proxy.close();
    }
    t.same([...outcomes].sort(), [1, 2]);
  }
});

t.test('a plain change that is refused is not taken up by the next start', async (t) => {
  const store = new MemoryStore();
  const fleet = await Fleet.start(store);
  await fleet.target(base());
  await fleet.settle();
  const before = fleet.gists();
  fleet.host('d').mishaps = ['refuse'];
  await t.rejects(fleet.target(plainer()), { message: /host d/ });
  t.same(fleet.gists(), before);
  const revived = await createProxy({ name: 'home', store, clock });
  t.equal((await revived.overview()).revision, 1);
  await revived.close();
  await fleet.proxy.close();
});

t.test('paths outlive a restart of the Proxy, but not of a host that stays away', async (t) => {
  const store = new MemoryStore();
  const first = await Fleet.start(store);
  await first.target(base());
  await first.proxy.close();
  const paths = (host: FakeHost) => host.config.rules.filter(({ origin }) => origin === 'shape').length;
  t.equal(paths(first.host('a')), 3);
  const all = [...first.hosts.values()];
  for (const host of all)
    host.onStep = () => t.ok(host.host === 'home' || paths(host) > 0, `${host.host} keeps paths`);
  const second = await Fleet.start(
    store,
    all.filter(({ host }) => host !== 'c'),
  );
  t.equal(paths(first.host('a')), 3, 'those through c are kept for a while');
  for (const host of all) host.onStep = undefined;
  await new Promise((resolve) => setTimeout(resolve, 6000 / FASTER));
  t.equal(paths(first.host('a')), 1, 'then they fall to the star');
  t.equal((await second.proxy.overview()).hosts.find(({ name }) => name === 'c')?.phase, 'pending');
  await second.join(first.host('c'));
  t.equal(paths(first.host('a')), 3);
  await second.proxy.close();
});

t.test('a store that fails undoes the change', async (t) => {
  const store = new MemoryStore();
  const fleet = await Fleet.start(store);
  await fleet.target(base());
  await fleet.settle();
  const before = fleet.gists();
  const failing = (step: Store['write']): Store['write'] => {
    return async (key, value) => {
      if (key === 'journal' && 'entry' in (value as object))
        throw new VnetError('VNET_ERR_PRIVILEGE', 'the disk is full');
      await step.call(store, key, value);
    };
  };
  const { write, append } = store;
  store.write = failing(write);
  store.append = failing(append);
  await t.rejects(fleet.target(changed()), { message: /disk is full/ });
  t.same(fleet.gists(), before);
  store.write = write;
  store.append = append;
  t.equal((await fleet.target(changed())).revision, 2);
  await fleet.proxy.close();
});

/** Says what was written, and refuses what it is told to. */
class WatchedStore extends MemoryStore {
  readonly written: { key: string; octets: number }[] = [];
  refuses = '';

  override async write(key: string, value: unknown): Promise<void> {
    this.#watch(key, value);
    await super.write(key, value);
  }

  override async append(key: string, value: unknown): Promise<void> {
    this.#watch(key, value);
    await super.append(key, value);
  }

  #watch(key: string, value: unknown): void {
    if (key === this.refuses) throw new VnetError('VNET_ERR_PRIVILEGE', 'the disk is full');
    this.written.push({ key, octets: JSON.stringify(value).length });
  }
}

t.test('a change is stored at the cost of the change, and the intent follows', async (t) => {
  const store = new WatchedStore();
  const fleet = await Fleet.start(store);
  await fleet.target(base());
  await fleet.settle();
  await new Promise((resolve) => setTimeout(resolve, (2 * INTENT_DELAY_MS) / FASTER));
  const rule = (index: number) => {
    const change = emptyChange();
    change.add.rules.push({
      network: 'lab',
      host: 'a',
      source: { kind: 'any' },
      destination: { kind: 'exact', mac: mac(100 + index) },
      actions: [{ kind: 'drop' }],
    });
    return change;
  };
  const topologyOf = async (found: MemoryStore) => {
    const revived = await createProxy({ name: 'home', store: found, clock });
    const { topology, revision } = await revived.overview();
    await revived.close();
    return { topology, revision };
  };
  const present = async () => {
    const { topology, revision } = await fleet.proxy.overview();
    return { topology, revision };
  };
  store.written.length = 0;
  for (let i = 0; i < 5; i++) {
    await fleet.proxy.apply({ kind: 'change', change: rule(i) });
    t.same(await topologyOf(store.copy()), await present(), `safe after change ${i}`);
  }
  const octets = store.written.filter(({ key }) => key === 'journal').map((write) => write.octets);
  t.ok(octets.length >= 5 && Math.max(...octets) < 600, `journal of ${octets} octets`);

  for (let i = 5; i < 3 * JOURNAL_STATEMENTS_MAX; i++)
    await fleet.proxy.apply({ kind: 'change', change: rule(i) });
  await new Promise((resolve) => setTimeout(resolve, (2 * INTENT_DELAY_MS) / FASTER));
  t.ok(store.written.filter(({ key }) => key === 'intent').length < JOURNAL_STATEMENTS_MAX, 'rarely whole');
  t.same(await topologyOf(store.copy()), await present());

  store.refuses = 'intent';
  let made = 0;
  const refused = await (async () => {
    for (; made < 3 * JOURNAL_STATEMENTS_MAX; made++)
      await fleet.proxy.apply({ kind: 'change', change: rule(1000 + made) });
  })().catch((thrown: unknown) => thrown);
  t.match(refused, { message: /disk is full/ }, 'the journal is not let grow without end');
  t.ok(made >= JOURNAL_STATEMENTS_MAX / 2);
  t.same(await topologyOf(store.copy()), await present(), 'and nothing is lost');
  store.refuses = '';
  await fleet.proxy.apply({ kind: 'change', change: rule(2000) });
  await fleet.proxy.close();
  t.same(await topologyOf(store.copy()), await present());
});

t.test('the journal has what the intent lacks, and no more', async (t) => {
  const store = new WatchedStore();
  const fleet = await Fleet.start(store);
  t.teardown(() => fleet.proxy.close());
  await fleet.target(base());
  await fleet.settle();
  const written = () => new Promise((resolve) => setTimeout(resolve, (2 * INTENT_DELAY_MS) / FASTER));
  const notes = async () => (await store.readAll('journal')).length;
  const ruleAt = (host: string, index: number) => {
    const change = emptyChange();
    change.add.rules.push({
      network: 'lab',
      host,
      source: { kind: 'any' },
      destination: { kind: 'exact', mac: mac(500 + index) },
      actions: [{ kind: 'drop' }],
    });
    return fleet.proxy.apply({ kind: 'change', change });
  };
  await written();
  for (let i = 0; i < 3; i++) await ruleAt('a', i);
  t.equal(await notes(), 3);
  await written();
  await ruleAt('a', 3);
  t.equal(await notes(), 1, 'the intent has the others');

  for (let i = 0; i < 50; i++) {
    fleet.host('d').mishaps = ['refuse'];
    await t.rejects(i % 2 === 0 ? ruleAt('d', 10 + i) : fleet.target(changed()), { message: /host d/ });
  }
  t.ok((await notes()) <= 2, 'what is given up does not pile up');
  const before = (await fleet.proxy.overview()).topology;

  // Changes while the intent is being written are not in it.
  const { write } = store;
  let go = () => {};
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  store.write = async (key, value) => {
    if (key === 'intent') await held;
    await write.call(store, key, value);
  };
  await ruleAt('a', 100);
  await written();
  for (const i of [101, 102]) await ruleAt('a', i);
  go();
  await new Promise((resolve) => setTimeout(resolve, 10));
  store.write = write;
  await ruleAt('a', 103);
  const revived = await createProxy({ name: 'home', store: store.copy(), clock });
  t.same((await revived.overview()).topology, (await fleet.proxy.overview()).topology);
  t.equal((await revived.overview()).topology.rules.length, before.rules.length + 4);
  await revived.close();

  // That it was given up could not be written: the next note says so, whatever comes of that one.
  const { append } = store;
  fleet.host('d').mishaps = ['refuse'];
  store.append = async (key, value) => {
    await append.call(store, key, value);
    store.refuses = 'journal';
  };
  await t.rejects(ruleAt('d', 200));
  store.append = append;
  store.refuses = '';
  let crashed: MemoryStore | undefined;
  for (const host of fleet.hosts.values())
    host.onStep = () => {
      crashed ??= store.copy();
    };
  await fleet.target(changed());
  const again = await createProxy({ name: 'home', store: crashed ?? store, clock });
  t.notMatch(JSON.stringify((await again.overview()).topology.rules), mac(700));
  await again.close();
});

t.test('a tree that has fallen is fallen after a restart, and returns', async (t) => {
  const store = new MemoryStore();
  const first = await Fleet.start(store);
  await first.target(withTree());
  await first.settle();
  const ofTree = first.rules();
  first.link('b', 'c', false);
  t.ok(await first.untilFallen(true));
  const ofStar = first.rules();
  t.not(JSON.stringify(ofStar), JSON.stringify(ofTree));
  await first.proxy.close();

  const hosts = [...first.hosts.values()];
  for (const host of hosts)
    host.onStep = () =>
      t.same(host.config.rules.map(({ id }) => id).sort(), ofStar[host.host], 'no other tree');
  const second = await Fleet.start(store, hosts);
  t.ok(await second.isFallen());
  t.same(second.rules(), ofStar);
  for (const host of hosts) {
    host.onStep = undefined;
    for (const { peer, type } of host.config.links) second.link(host.host, peer, true, type);
  }
  t.ok(await second.untilFallen(false));
  t.same(second.rules(), ofTree);
  await second.proxy.close();
});
