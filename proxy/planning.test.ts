/** What a request changes and whether the outcome is right: the quick answers are those of the slow and obvious ones. */
import fc from 'fast-check';
import t from 'tap';
import {
  applyChange,
  canonical,
  type Change,
  diffTopologies,
  emptyChange,
  emptyTopology,
  macFromNumber,
  type Topology,
  TOPOLOGY_LISTS,
} from '../core/index.js';
import { checkTopology } from '../lang/index.js';
import { outcomeOf } from './change.js';
import { concernedPart, refuseErrors } from './checking.js';

const mac = (index: number) => macFromNumber(0x020000000000 + index);
const GROUP_MAC = macFromNumber(0x01005e000001);
const host = fc.constantFrom('home', 'a', 'b', 'c', 'd');
const network = fc.constantFrom('lab', 'lab', 'lab', 'other');
const vmName = fc.nat(3).map((i) => `vm${i}`);
const port = fc.constantFrom('tap:x', 'tap:y', 'bridge:br0');
const exact = fc.nat(4).map((i) => ({ kind: 'exact' as const, mac: mac(i) }));
const any = fc.constant({ kind: 'any' as const });
const groups = fc.constantFrom({ kind: 'group' as const }, { kind: 'exact' as const, mac: GROUP_MAC });

const statements: { [K in keyof Topology]: fc.Arbitrary<Topology[K][number]> } = {
  networks: fc.constantFrom({ name: 'lab' }, { name: 'other' }, { name: 'third', mtu: 1400 }),
  hosts: host.map((name) => (name === 'home' ? { name, proxy: true } : { name })),
  vms: fc
    .record({
      name: vmName,
      network,
      host,
      macs: fc.uniqueArray(fc.nat(4).map(mac), { minLength: 1, maxLength: 1 }),
      port: fc.option(port, { nil: undefined }),
    })
    .map(({ port: own, ...vm }) => (own === undefined ? vm : { ...vm, port: own })),
  ports: fc.record({ network, host, port, role: fc.constantFrom('lan' as const, 'vm' as const) }),
  links: fc.record({ type: fc.constantFrom('udp' as const, 'tcp' as const), a: host, b: host }),
  shapes: fc.record({
    kind: fc.constantFrom('ring' as const, 'line' as const, 'mesh' as const),
    type: fc.constant('udp' as const),
    network,
    hosts: fc.uniqueArray(host, { minLength: 2, maxLength: 4 }),
  }),
  routes: fc.record({
    network,
    from: vmName,
    to: vmName,
    both: fc.boolean(),
    via: fc.uniqueArray(host, { minLength: 1, maxLength: 3 }),
  }),
  rules: fc.record({
    network,
    host,
    source: fc.oneof(any, exact),
    destination: fc.oneof({ weight: 4, arbitrary: exact }, { weight: 1, arbitrary: groups }),
    actions: fc.array(
      fc.oneof(
        host.map((peer) => ({ kind: 'edge' as const, peer })),
        port.map((own) => ({ kind: 'port' as const, port: own })),
        fc.constant({ kind: 'drop' as const }),
      ),
      { minLength: 1, maxLength: 2 },
    ),
  }),
  linkReservations: fc.record({
    type: fc.constantFrom('udp' as const, 'tcp' as const),
    from: host,
    to: host,
    bitsPerSecond: fc.constantFrom(1e6, 2e6),
  }),
  cpuReservations: fc.record({
    vm: vmName,
    periodUs: fc.constant(10_000),
    sliceUs: fc.constantFrom(1000, 5000),
  }),
  constraints: fc.oneof(
    fc.record({
      kind: fc.constantFrom('apart' as const, 'together' as const),
      vms: fc.uniqueArray(vmName, { minLength: 2 }),
    }),
    fc.record({
      kind: fc.constant('within' as const),
      vms: fc.uniqueArray(vmName, { minLength: 2, maxLength: 2 }),
      maxLatencyUs: fc.constantFrom(500, 1000),
    }),
  ),
};

const change: fc.Arbitrary<Change> = fc
  .array(
    fc
      .record({ list: fc.constantFrom(...TOPOLOGY_LISTS), isAdded: fc.boolean() })
      .chain(({ list, isAdded }) =>
        (statements[list] as fc.Arbitrary<object>).map((statement) => ({ list, isAdded, statement })),
      ),
    { minLength: 1, maxLength: 3 },
  )
  .map((parts) => {
    const made = emptyChange();
    for (const { list, isAdded, statement } of parts)
      (made[isAdded ? 'add' : 'remove'][list] as object[]).push(statement);
    return made;
  });

/** Something to begin with, so that most statements have what they name. */
const START = canonical({
  ...emptyTopology(),
  networks: [{ name: 'lab' }, { name: 'other' }],
  hosts: ['home', 'a', 'b', 'c', 'd'].map((name) => (name === 'home' ? { name, proxy: true } : { name })),
  links: [
    { type: 'udp', a: 'a', b: 'b' },
    { type: 'udp', a: 'b', b: 'c' },
  ],
  vms: ['a', 'b', 'c'].map((on, i) => ({ name: `vm${i}`, network: 'lab', host: on, macs: [mac(i)] })),
  ports: [{ network: 'lab', host: 'd', port: 'bridge:br0', role: 'lan' }],
  routes: [{ network: 'lab', from: 'vm0', to: 'vm1', both: false, via: ['a', 'b'] }],
  rules: [
    ['b', { kind: 'edge', peer: 'c' }] as const,
    ['d', { kind: 'port', port: 'bridge:br0' }] as const,
  ].map(([on, action]) => ({
    network: 'lab',
    host: on,
    source: { kind: 'any' },
    destination: { kind: 'exact', mac: mac(4) },
    actions: [action],
  })),
});

const text = (topology: Topology) => JSON.stringify(topology);
const isRight = (topology: Topology) => !checkTopology(topology).some(({ severity }) => severity === 'error');
const refuses = (before: Topology, made: Change, after: Topology): boolean => {
  try {
    refuseErrors(before, made, after);
    return false;
  } catch {
    return true;
  }
};

t.test('any change: outcome, difference and verdict', async (t) => {
  let [right, wrong, parts] = [0, 0, 0];
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
      let current = START;
      for (const wanted of changes) {
        const outcome = outcomeOf(current, { kind: 'change', change: wanted });
        const after = applyChange(current, wanted);
        if (text(outcome.topology) !== text(after)) throw new Error('another topology');
        const difference = JSON.stringify(diffTopologies(current, after));
        const sides = ({ add, remove }: Change) => text(add) + text(remove);
        if (sides(outcome.change) !== sides(JSON.parse(difference) as Change))
          throw new Error('another difference');
        const target = outcomeOf(current, { kind: 'target', topology: after });
        if (text(target.topology) !== text(after) || sides(target.change) !== sides(outcome.change))
          throw new Error('another outcome as a target');
        const isWrong = !isRight(outcome.topology);
        if (refuses(current, outcome.change, outcome.topology) !== isWrong)
          throw new Error(isWrong ? 'a wrong topology was let through' : 'a right one was refused');
        if (concernedPart(current, outcome.change, outcome.topology)) parts += 1;
        if (isWrong) wrong += 1;
        else {
          right += 1;
          for (const list of TOPOLOGY_LISTS) {
            const kept = new Set<object>(outcome.topology[list]);
            const gone = new Set<object>(outcome.change.remove[list]);
            if ((current[list] as object[]).some((item) => !gone.has(item) && !kept.has(item)))
              throw new Error(`a statement of ${list} that stays is another object`);
          }
          current = outcome.topology;
        }
      }
    }),
    { numRuns: 300, seed: 5 },
  );
  t.comment(`${right} right, ${wrong} wrong, ${parts} decided by a part`);
  t.ok(right > 100 && wrong > 100 && parts > 100);
});

t.test('what is looked at does not grow with the topology', async (t) => {
  const sizeOf = (hosts: number, make: (topology: Topology) => Change) => {
    const names = Array.from({ length: hosts }, (_, i) => `h${i}`);
    const before = canonical({
      ...emptyTopology(),
      networks: [{ name: 'lab' }],
      hosts: [{ name: 'home', proxy: true }, ...names.map((name) => ({ name }))],
      vms: names.map((name, i) => ({ name: `v${i}`, network: 'lab', host: name, macs: [mac(i)] })),
      links: names.slice(1).map((b, i) => ({ type: 'udp' as const, a: `h${i}`, b })),
    });
    const { topology, change: made } = outcomeOf(before, { kind: 'change', change: make(before) });
    const part = concernedPart(before, made, topology);
    return part && TOPOLOGY_LISTS.reduce((sum, list) => sum + part[list].length, 0);
  };
  const adding = (parts: Partial<Topology>) => () => ({
    ...emptyChange(),
    add: { ...emptyTopology(), ...parts },
  });
  const removing = (parts: Partial<Topology>) => () => ({
    ...emptyChange(),
    remove: { ...emptyTopology(), ...parts },
  });
  for (const make of [
    adding({ links: [{ type: 'udp', a: 'h0', b: 'h2' }] }),
    removing({ links: [{ type: 'udp', a: 'h0', b: 'h1' }] }),
    adding({ vms: [{ name: 'new', network: 'lab', host: 'h3', macs: [mac(9999)] }] }),
    adding({
      rules: [
        {
          network: 'lab',
          host: 'h0',
          source: { kind: 'any' },
          destination: { kind: 'exact', mac: mac(3) },
          actions: [{ kind: 'edge', peer: 'h1' }],
        },
      ],
    }),
  ]) {
    t.equal(sizeOf(10, make), sizeOf(300, make));
    t.ok((sizeOf(300, make) ?? 999) < 8);
  }
});
