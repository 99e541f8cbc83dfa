/** Any sequence of changes, lowered step by step, gives what lowering from scratch gives; and costs what it touches. */
import fc from 'fast-check';
import t from 'tap';
import {
  type Adapted,
  emptyTopology,
  type HostConfig,
  macFromNumber,
  NOTHING_ADAPTED,
  type RuleStatement,
  type Shape,
  type Topology,
  VnetError,
} from '../../core/index.js';
import { lower, type Lowered, Lowering, type LoweringInput, type Place } from './index.js';

const HOSTS = 5;
const NETWORKS = ['lab', 'other'];
const mac = (index: number) => macFromNumber(0x020000000000 + index);
const GROUP_MAC = macFromNumber(0x01005e000001);

const THIRD = { name: 'third', id: 1 };

let counter = 0;
const secret = (octets: number) => new Uint8Array(octets).map(() => (counter = (counter * 31 + 7) & 255));

type State = Omit<LoweringInput, 'secret' | 'identities'>;

/** `isPeopled`: with VMs, so that routes stand. */
function start(isPeopled: boolean): State {
  return {
    topology: {
      ...emptyTopology(),
      networks: NETWORKS.map((name) => ({ name })),
      hosts: [{ name: 'home', proxy: true }, { name: 'h0' }, { name: 'h1' }, { name: 'h2' }],
    },
    places: isPeopled ? [0, 1, 2].map(resident) : [],
    epochs: new Map(),
    unusable: new Set(),
    fallen: new Set(),
  };
}

const resident = (i: number): Place => ({
  name: `vm${i}`,
  network: 'lab',
  host: `h${i}`,
  port: `tap:own${i}`,
  macs: [mac(i)],
  learnt: false,
});

const host = fc.nat(HOSTS).map((i) => (i === HOSTS ? 'home' : `h${i}`));
const network = fc.constantFrom(...NETWORKS);

/** Adds where no item has the key, removes or replaces where one has. */
function toggle<T>(items: readonly T[], key: (item: T) => string, item: T, replaces: boolean): T[] {
  const at = items.findIndex((other) => key(other) === key(item));
  if (at < 0) return [...items, item];
  return replaces ? items.with(at, item) : items.toSpliced(at, 1);
}

const onTopology =
  <K extends keyof Topology>(list: K, key: (item: Topology[K][number]) => string) =>
  (item: Topology[K][number], replaces: boolean) =>
  (state: State): State => ({
    ...state,
    topology: {
      ...state.topology,
      [list]: toggle<Topology[K][number]>(state.topology[list], key, item, replaces),
    },
  });

const onAdapted =
  <K extends keyof Adapted>(list: K, key: (item: Adapted[K][number]) => string) =>
  (item: Adapted[K][number], replaces: boolean) =>
  (state: State): State => {
    const { adapted = NOTHING_ADAPTED } = state;
    return {
      ...state,
      adapted: { ...adapted, [list]: toggle<Adapted[K][number]>(adapted[list], key, item, replaces) },
    };
  };

function toggleSet<T>(set: ReadonlySet<T>, item: T): Set<T> {
  const next = new Set(set);
  if (!next.delete(item)) next.add(item);
  return next;
}

const matcher = fc.oneof(
  fc.constant({ kind: 'any' as const }),
  fc.nat(4).map((i) => ({ kind: 'exact' as const, mac: mac(i) })),
);
const destination = fc.oneof(
  matcher,
  fc.constant({ kind: 'group' as const }),
  fc.constant({ kind: 'exact' as const, mac: GROUP_MAC }),
);
const action = fc.oneof(
  host.map((peer) => ({ kind: 'edge' as const, peer })),
  fc.constant({ kind: 'drop' as const }),
);
const rule: fc.Arbitrary<RuleStatement> = fc
  .record({
    network,
    host,
    source: matcher,
    destination,
    actions: fc.array(action, { minLength: 1, maxLength: 2 }),
  })
  .map((made) => ({
    ...made,
    actions: made.actions.filter((x) => x.kind !== 'edge' || x.peer !== made.host),
  }));
const shape = fc
  .record({
    kind: fc.constantFrom('mesh', 'ring', 'line', 'star', 'tree'),
    type: fc.constantFrom('udp', 'tcp'),
    network,
    hosts: fc.oneof(fc.constant([]), fc.uniqueArray(host, { minLength: 2, maxLength: 4 })),
  })
  .map((made) => made as Shape);
const place: fc.Arbitrary<Place> = fc.record({
  name: fc.nat(4).map((i) => `vm${i}`),
  network,
  host,
  port: fc.constantFrom('tap:a', 'tap:b', 'tap:c'),
  macs: fc.uniqueArray(fc.nat(4).map(mac), { minLength: 1, maxLength: 2 }),
  learnt: fc.nat(3).map((i) => i === 0),
  alsoAt: fc.option(fc.record({ host, port: fc.constantFrom('tap:a', 'tap:d') }), { nil: undefined }),
}) as fc.Arbitrary<Place>;
const link = fc
  .record({ type: fc.constantFrom('udp' as const, 'tcp' as const), a: host, b: host, by: fc.boolean() })
  .filter(({ a, b }) => a !== b)
  .map(({ by, a, b, type }) => ({ type, a, b, ...(by ? { madeBy: a } : {}) }));
const route = fc.record({
  network,
  from: fc.nat(4).map((i) => `vm${i}`),
  to: fc.nat(4).map((i) => `vm${i}`),
  both: fc.boolean(),
  via: fc.uniqueArray(host, { minLength: 1, maxLength: 4 }),
});
const linkReservation = fc
  .record({
    type: fc.constantFrom('udp' as const, 'tcp' as const),
    from: host,
    to: host,
    bitsPerSecond: fc.constantFrom(1e6, 2e6),
  })
  .filter(({ from, to }) => from !== to);
const cpuReservation = fc.record({
  vm: fc.nat(4).map((i) => `vm${i}`),
  periodUs: fc.constant(10_000),
  sliceUs: fc.constantFrom(1000, 5000),
});
const statement = fc
  .record({ name: fc.nat(HOSTS - 1).map((i) => `h${i}`), port: fc.constantFrom(0, 7700) })
  .map(({ name, port }) => ({ name, ...(port > 0 ? { endpoint: { address: '10.0.0.1', port } } : {}) }));

const linkIdentity = ({ type, a, b }: { type: string; a: string; b: string }) =>
  [type, ...[a, b].sort()].join(' ');
const reservationIdentity = ({ type, from, to }: { type: string; from: string; to: string }) =>
  [type, from, to].join(' ');
const pairIdentity = ({ from, to }: { from: string; to: string }) => [from, to].sort().join(' ');

type Step = (state: State) => State;
/** One that stands, as long as its VMs stay and its edges have links: those to the Proxy always do. */
const soundRoute = (replaces: boolean): fc.Arbitrary<Step> =>
  fc
    .record({
      from: fc.nat(1),
      to: fc.nat(2),
      both: fc.boolean(),
      through: fc.oneof(fc.constant('home'), host),
      isAdapted: fc.boolean(),
    })
    .map(({ from, to, both, through, isAdapted }) => (state) => {
      const vms = state.places.filter(({ learnt }) => !learnt);
      const [a, b] = [vms[from % vms.length], vms[to % vms.length]];
      if (!a || !b || a === b || a.network !== b.network) return state;
      const via = a.host === b.host ? [a.host] : [...new Set([a.host, through, b.host])];
      const made = { network: a.network, from: a.name, to: b.name, both, via };
      const put = isAdapted ? onAdapted('routes', pairIdentity) : onTopology('routes', pairIdentity);
      return put(made, replaces)(state);
    });
const step: fc.Arbitrary<Step> = fc.boolean().chain((replaces) =>
  fc.oneof(
    statement.map((item) => onTopology('hosts', ({ name }) => name)(item, replaces)),
    link.map((item) => onTopology('links', linkIdentity)(item, replaces)),
    link.map(({ type, a, b }) => onAdapted('links', linkIdentity)({ type, a, b }, replaces)),
    route.map((item) => onAdapted('routes', pairIdentity)(item, replaces)),
    { weight: 4, arbitrary: soundRoute(replaces) },
    linkReservation.map((item) => onTopology('linkReservations', reservationIdentity)(item, replaces)),
    linkReservation.map((item) => onAdapted('linkReservations', reservationIdentity)(item, replaces)),
    cpuReservation.map((item) => onTopology('cpuReservations', ({ vm }) => vm)(item, replaces)),
    cpuReservation.map((item) => onAdapted('cpuReservations', ({ vm }) => vm)(item, replaces)),
    shape.map((item) => onTopology('shapes', (it) => JSON.stringify(it))(item, replaces)),
    route.map((item) => onTopology('routes', pairIdentity)(item, replaces)),
    rule.map((item) =>
      onTopology('rules', (it) => JSON.stringify([it.network, it.host, it.source, it.destination]))(
        item,
        replaces,
      ),
    ),
    fc
      .record({
        network,
        host,
        port: fc.constantFrom('tap:a', 'bridge:br0'),
        role: fc.constantFrom('lan' as const, 'vm' as const),
      })
      .map((item) => onTopology('ports', (it) => `${it.host} ${it.port}`)(item, replaces)),
    {
      weight: 2,
      arbitrary: place.map(
        (item): Step =>
          (state) => ({ ...state, places: toggle(state.places, ({ name }) => name, item, replaces) }),
      ),
    },
    host.map(
      (name): Step =>
        (state) => ({ ...state, unusable: toggleSet(state.unusable, name) }),
    ),
    network.map(
      (name): Step =>
        (state) => ({ ...state, fallen: toggleSet(state.fallen ?? new Set(), name) }),
    ),
    fc.uniqueArray(host, { minLength: 2, maxLength: 4 }).map(
      ([a = '', b = '', ...others]): Step =>
        (state) => ({
          ...state,
          trials: [[a, b], ...(others.length === 2 ? [[a, others[0] ?? b] as const] : [])],
        }),
    ),
    fc.constant<Step>((state) => ({ ...state, trials: [] })),
    fc.nat(3).map(
      (epoch): Step =>
        (state) => ({ ...state, epochs: new Map([[1, epoch]]) }),
    ),
    fc.constant<Step>((state) => ({
      ...state,
      topology: {
        ...state.topology,
        networks: toggle(state.topology.networks, ({ name }) => name, THIRD, false),
      },
    })),
  ),
);

/** Sets as sorted text, since their order carries no meaning. */
function textOf(config: HostConfig): string {
  const sorted = (items: object[]) => items.map((item) => JSON.stringify(item)).sort();
  return JSON.stringify([
    config.host,
    config.networks,
    sorted(config.links),
    config.ports,
    config.cpu,
    sorted(config.rules),
  ]);
}

function attempt(run: () => Lowered): Lowered | string {
  try {
    return run();
  } catch (thrown) {
    if (thrown instanceof VnetError) return thrown.code;
    throw thrown;
  }
}

t.test('step by step or from scratch: the same', async (t) => {
  let [errors, reused, adapted] = [0, 0, 0];
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(fc.tuple(step, fc.boolean()), { minLength: 1, maxLength: 30, size: 'max' }),
      (isPeopled, steps) => {
        const lowering = new Lowering();
        let state = start(isPeopled);
        let identities: LoweringInput['identities'] = new Map();
        let before: Lowered | undefined;
        let networks: unknown;
        for (const [take, isPlan] of steps) {
          const tried = take(state);
          const found = attempt(() => lowering.lower({ ...tried, identities, secret }));
          const known = typeof found === 'string' ? identities : found.identities;
          const wanted = attempt(() => lower({ ...tried, identities: known, secret }));
          if (typeof found === 'string' || typeof wanted === 'string') {
            if (found !== wanted) throw new Error(`${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
            errors += 1;
            before = undefined;
            if (errors % 2 === 0) state = tried; // What was refused is dropped, or what comes next is built on it.
            continue;
          }
          const texts = (lowered: Lowered) => [...lowered.configs.values()].map(textOf).join('\n');
          if (texts(found) !== texts(wanted)) throw new Error(`${texts(found)}\nnot\n${texts(wanted)}`);
          if (JSON.stringify(found.suspended) !== JSON.stringify(wanted.suspended))
            throw new Error(
              `suspended: ${JSON.stringify(found.suspended)}, not ${JSON.stringify(wanted.suspended)}`,
            );
          if (found.identities.size !== wanted.identities.size)
            throw new Error('identities of links that are not');
          // With other networks everything is lowered anew.
          if (JSON.stringify(networks) !== JSON.stringify(tried.topology.networks)) before = undefined;
          networks = tried.topology.networks;
          for (const [name, config] of found.configs) {
            adapted += config.rules.filter(({ origin }) => origin === 'adapt').length;
            const old = before?.configs.get(name);
            if (!old || textOf(old) !== textOf(config)) continue;
            if (old !== config) throw new Error(`${name} is what it was, but was made anew`);
            reused += 1;
          }
          before = found;
          if (isPlan) continue; // A plan: looked at and dropped.
          state = tried;
          identities = found.identities;
        }
      },
    ),
    { numRuns: 600, seed: 11 },
  );
  t.ok(errors > 20, `${errors} refusals`);
  t.ok(reused > 1000, `${reused} parts kept`);
  t.ok(adapted > 100, `${adapted} rules of adaptation`);
});

t.test('a change costs what it touches, however large the overlay', async (t) => {
  const costs = (hosts: number) => {
    const names = Array.from({ length: hosts }, (_, i) => `h${i}`);
    const topology: Topology = {
      ...emptyTopology(),
      networks: [{ name: 'lab' }],
      hosts: [{ name: 'home', proxy: true }, ...names.map((name) => ({ name }))],
    };
    const places = names.map(
      (name, i): Place => ({
        name: `v${i}`,
        network: 'lab',
        host: name,
        port: `tap:v${i}`,
        macs: [mac(i)],
        learnt: false,
      }),
    );
    const lowering = new Lowering();
    const input = { topology, places, epochs: new Map(), unusable: new Set<string>(), secret };
    let { identities } = lowering.lower({ ...input, identities: new Map() });
    const cost = (next: Partial<LoweringInput>) => {
      const before = { ...lowering.work };
      identities = lowering.lower({ ...input, ...next, identities }).identities;
      const { rules, links, configs } = lowering.work;
      const there = [rules - before.rules, links - before.links, configs - before.configs];
      identities = lowering.lower({ ...input, identities }).identities;
      return there;
    };
    const udp = { type: 'udp' as const, a: 'h0', b: 'h1' };
    const drop: RuleStatement = {
      network: 'lab',
      host: 'h0',
      source: { kind: 'any' },
      destination: { kind: 'exact', mac: mac(0) },
      actions: [{ kind: 'drop' }],
    };
    const guest: Place = { ...(places[3] as Place), name: 'new', port: 'tap:new', macs: [mac(9999)] };
    return {
      nothing: cost({}),
      link: cost({ topology: { ...topology, links: [udp] } }),
      rule: cost({ topology: { ...topology, rules: [drop] } }),
      vm: cost({ places: [...places, guest] }),
      move: cost({ places: places.with(3, { ...(places[3] as Place), host: 'h4' }) }),
      pending: cost({ unusable: new Set(['h5']) }),
    };
  };
  // Rules made, ends of links made, configurations made: of the two hosts, of the host and the Proxy, and so on.
  t.same(costs(300), {
    nothing: [0, 0, 0],
    link: [0, 2, 2],
    rule: [1, 0, 1],
    vm: [4, 0, 2],
    move: [7, 0, 3],
    pending: [0, 0, 0],
  });
  t.same(costs(300), costs(30));
});
