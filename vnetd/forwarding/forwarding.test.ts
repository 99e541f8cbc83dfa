import t from 'tap';
import {
  BROADCAST,
  DROP_REASONS,
  type MacAddress,
  macToNumber,
  type Rule,
  type SourceMatcher,
  type DestinationMatcher,
  seededRandom,
} from '../../core/index.js';
import { describeRule, EPOCH_END, explain, type FrameKey, routeHops } from './index.js';
import {
  A,
  any,
  B,
  C,
  drop,
  edge,
  exact,
  group,
  key,
  MDNS,
  none,
  not,
  port,
  rule,
  table,
  told,
} from './slow-table.js';

t.test('strength, one pair at a time', async (t) => {
  const ordered: [string, SourceMatcher, DestinationMatcher, Rule['origin']][] = [
    ['exact destination, exact source, route', exact(A), exact(B), 'route'],
    ['adaptation after a route', exact(A), exact(B), 'adapt'],
    ['a shape after adaptation', exact(A), exact(B), 'shape'],
    ['automatic last', exact(A), exact(B), 'auto'],
    ['source not', not(C), exact(B), 'route'],
    ['source any', any, exact(B), 'route'],
    ['destination not', exact(A), not(C), 'auto'],
    ['destination not, source any', any, not(C), 'route'],
    ['destination any', exact(A), any, 'auto'],
    ['none', exact(A), none, 'route'],
    ['none, source any', any, none, 'auto'],
  ];
  const rules = ordered.map(([id, source, destination, origin], i) =>
    rule(id, source, destination, [edge(`e${i}`)], { origin }),
  );
  const made = table(...[...rules].reverse());
  for (const [i, { id }] of rules.entries()) {
    const decision = made.match(key(A, B));
    t.equal(decision.rules[0]?.id, id);
    t.strictSame(
      decision.others.map((other) => other.id),
      rules.slice(i + 1).map((other) => other.id),
    );
    made.remove(id);
  }
  t.equal(made.match(key(A, B)).dropReason, DROP_REASONS.noMatch);
  t.equal(made.size, 0);
});

t.test("Figure 2: a VM's broadcast reaches its neighbour and the Proxy, nothing twice", async (t) => {
  const vm = (n: string, mac: MacAddress) => [
    rule(`${n} hears`, not(mac), exact(BROADCAST), [port(`vmnet${n}`)]),
    rule(`${n} gets`, any, exact(mac), [port(`vmnet${n}`)]),
    rule(`${n} default`, exact(mac), none, [edge('proxy')]),
  ];
  const made = table(...vm('1', A), ...vm('2', B));
  const at = (name: string) => ({ ingress: { kind: 'port', port: name } as const });
  t.strictSame(made.match(key(A, BROADCAST, at('vmnet1'))).actions, [port('vmnet2'), edge('proxy')]);
  t.strictSame(made.match(key(B, BROADCAST, at('vmnet2'))).actions, [port('vmnet1'), edge('proxy')]);
  const proxy = { ingress: { kind: 'edge', peer: 'proxy' } as const };
  t.strictSame(made.match(key(C, BROADCAST, proxy)).actions, [port('vmnet1'), port('vmnet2')]);
  t.strictSame(made.match(key(A, B, at('vmnet1'))).actions, [port('vmnet2')]);
  t.strictSame(made.match(key(A, C, at('vmnet1'))).actions, [edge('proxy')]);
  const echoed = made.match(key(A, C, proxy));
  t.strictSame([echoed.actions, echoed.dropReason], [[drop], DROP_REASONS.loop]);
});

t.test('a frame that comes late for an address that moved away goes to ground', async (t) => {
  const from = (peer: string) => ({ ingress: { kind: 'edge', peer } as const });
  const left = table(rule('away', any, exact(B), [edge('proxy')]), rule('rest', any, none, [edge('proxy')]));
  t.strictSame(left.match(key(A, B, from('proxy'))).actions, [{ kind: 'ground' }]);
  t.strictSame(left.match(key(A, B, { ...from('proxy'), ground: true })).actions, [edge('proxy')]);
  t.strictSame(left.match(key(A, B, from('c'))).actions, [edge('proxy')]);
  t.strictSame(left.match(key(A, C, from('proxy'))).actions, [drop], 'not one that nobody knows here');
  const routed = table(rule('own', any, exact(B), [edge('p')], { origin: 'route' }));
  t.strictSame(routed.match(key(A, B, from('p'))).actions, [drop], 'nor by a rule of the user');
});

t.test('group frames: the strongest class that has an edge, all its edges', async (t) => {
  const made = table(
    rule('tree', any, group, [edge('p'), edge('q')]),
    rule('more', exact(A), group, [edge('q'), edge('r')], { origin: 'shape' }),
    rule('default', any, none, [edge('z')]),
    rule('ear', not(B), exact(MDNS), [port('x')]),
  );
  const told = (mac: MacAddress, more: Partial<FrameKey> = {}) => made.match(key(A, mac, more)).actions;
  t.strictSame(told(MDNS), [port('x'), edge('q'), edge('r'), edge('p')]);
  t.strictSame(told(BROADCAST, { ingress: { kind: 'edge', peer: 'q' } }), [edge('r'), edge('p')]);
  t.strictSame(
    told(BROADCAST, { ground: true, ingress: { kind: 'edge', peer: 'q' } }),
    [edge('p')],
    'never echoed',
  );
  made.add(rule('quiet', any, exact(MDNS), [drop], { origin: 'route', owner: 'user' }));
  t.strictSame(told(MDNS), [port('x'), edge('q'), edge('r'), edge('p')], 'a weaker drop takes nothing away');
  made.add(rule('silence', exact(A), exact(MDNS), [drop], { origin: 'route', owner: 'user' }));
  t.strictSame(told(MDNS), [drop]);
});

t.test('ground: automatic rules and local delivery alone, and the edge of ingress again', async (t) => {
  const made = table(
    rule('path', exact(A), exact(B), [edge('q')], { origin: 'route' }),
    rule('star', any, none, [edge('proxy')]),
  );
  const came = { ground: true, ingress: { kind: 'edge', peer: 'proxy' } as const };
  t.strictSame(made.match(key(A, B)).actions, [edge('q')]);
  t.strictSame(made.match(key(A, B, came)).actions, [edge('proxy')]);
  made.add(rule('mine', any, exact(B), [port('x'), edge('q')], { origin: 'shape' }));
  t.strictSame(made.match(key(A, B, came)).actions, [port('x')]);
  t.strictSame(told(made, key(A, B, { ground: true, ingress: { kind: 'port', port: 'x' } })).actions, [
    'drop loop',
  ]);
});

t.test('epochs: old paths or new ones, whole, and how long a decision holds', async (t) => {
  const made = table(
    rule('old', any, exact(B), [edge('p')], { toEpoch: 5 }),
    rule('new', any, exact(B), [edge('q')], { fromEpoch: 5 }),
    rule('soon', exact(A), exact(B), [edge('r')], { fromEpoch: 8, toEpoch: 9 }),
  );
  const cases: [number, string, number, number][] = [
    [0, 'p', 0, 5],
    [4, 'p', 0, 5],
    [5, 'q', 5, 8],
    [8, 'r', 8, 9],
    [9, 'q', 9, EPOCH_END],
  ];
  for (const [epoch, peer, fromEpoch, toEpoch] of cases) {
    t.match(
      made.match(key(A, B, { epoch })),
      { actions: [edge(peer)], fromEpoch, toEpoch },
      `epoch ${epoch}`,
    );
  }
});

t.test('a change is validated whole, and applied whole', async (t) => {
  const made = table(rule('one', any, exact(B), [edge('p')]), rule('two', any, none, [edge('p')]));
  const { generation } = made;
  const refused = (code: string, ...rules: Rule[]) => {
    t.throws(() => made.apply({ add: [rule('fresh', any, any, [edge('p')]), ...rules], remove: ['two'] }), {
      code,
    });
    t.equal(made.generation, generation);
    t.strictSame(
      made.rules().map(({ id }) => id),
      ['one', 'two'],
    );
  };
  refused('VNET_ERR_EXISTS', rule('three', any, exact(B), [edge('q')]));
  refused('VNET_ERR_EXISTS', rule('x', exact(A), any, [drop]), rule('y', exact(A), any, [drop]));
  refused('VNET_ERR_EXISTS', rule('x', exact(A), any, [drop]), rule('x', exact(B), any, [drop]));
  refused('VNET_ERR_INVALID', rule('x', exact(A), any, []));
  refused('VNET_ERR_INVALID', rule('x', exact(A), any, [drop, edge('q')]));
  refused('VNET_ERR_INVALID', rule('x', exact(A), any, [drop], { fromEpoch: 3, toEpoch: 3 }));
  refused('VNET_ERR_INVALID', rule('x', exact(A), any, [drop], { fromEpoch: -1 }));
  t.throws(() => made.add(rule('three', any, exact(B), [edge('q')])), {
    message:
      'rule three and rule one match the same frames with equal strength: rule three: any -> 02:00:00:00:00:02, edge q (auto); rule one: any -> 02:00:00:00:00:02, edge p (auto)',
    hint: 'delete rule one first, or change a matcher of one of them',
  });

  t.strictSame(made.add(rule('one', any, exact(B), [edge('p')])), [], 'the same again changes nothing');
  t.strictSame(made.remove('never'), []);
  t.equal(made.generation, generation);
  t.strictSame(
    made.apply({ remove: ['one'], add: [rule('three', any, exact(B), [edge('q')])] }),
    [{ network: 1, destination: macToNumber(B) }],
    'a matcher may change hands within one change',
  );
  t.equal(made.generation, generation + 1);
  t.strictSame(made.add(rule('four', exact(A), exact(B), [drop])), [
    { network: 1, source: macToNumber(A), destination: macToNumber(B) },
  ]);
  t.strictSame(
    made.add(rule('four', exact(A), not(B), [drop])),
    [{ network: 1, source: macToNumber(A) }],
    'old within new',
  );
  t.strictSame(made.replaceAll([]), [{ network: 1 }]);
  t.equal(made.size, 0);
});

t.test('thousands of rules: a lookup visits what matches, not all', async (t) => {
  const random = seededRandom(1);
  const mac = (i: number) =>
    `02:00:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}` as MacAddress;
  const count = 20_000;
  const made = table(
    rule('star', any, none, [edge('proxy')]),
    ...Array.from({ length: count }, (_, i) =>
      rule(`r${i}`, i % 2 ? any : exact(A), exact(mac(i)), [edge('p')]),
    ),
  );
  const started = performance.now();
  for (let i = 0; i < count; i += 1) made.match(key(A, mac(Math.floor(random() * count))));
  const perLookupUs = ((performance.now() - started) * 1000) / count;
  t.ok(perLookupUs < 100, `${perLookupUs.toFixed(1)} us a lookup; a scan takes over 1,000`);
});

t.test('in words', async (t) => {
  const web = rule('web-db', exact(A), exact(B), [edge('b')], {
    origin: 'route',
    owner: 'user',
    fromEpoch: 2,
    toEpoch: 4,
  });
  const made = table(rule('star', any, none, [edge('proxy')]), web);
  t.equal(
    describeRule(web),
    'rule web-db: 02:00:00:00:00:01 -> 02:00:00:00:00:02, edge b (route, epochs 2 to 3)',
  );
  const decision = made.match(key(A, B, { epoch: 2 }));
  t.strictSame(explain(decision), [
    'goes to: edge b',
    'won:     rule web-db: 02:00:00:00:00:01 -> 02:00:00:00:00:02, edge b (route, epochs 2 to 3)',
    'because: its destination matcher is "exact", stronger than "none" of rule star',
    'matched: rule star: any -> none, edge proxy (auto)',
  ]);
  t.match(routeHops('a', false, decision), [
    { host: 'a', verdict: 'edge', to: 'b', ground: false, rule: web },
  ]);
  t.match(routeHops('a', false, made.match(key(A, B, { network: 9 }))), [
    { verdict: 'drop', to: 'noMatch', others: [] },
  ]);
});
