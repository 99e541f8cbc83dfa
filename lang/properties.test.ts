import fc from 'fast-check';
import t from 'tap';
import {
  groupCycles,
  type Host,
  IDENTITY,
  type MacAddress,
  type RuleStatement,
  sameTopology,
  type Topology,
  TOPOLOGY_LISTS,
} from '../core/index.js';
import { coveredRules } from './check-warnings.js';
import { DESIGN_EXAMPLE, FIGURE_2, PROMISES } from './examples.cases.js';
import { anyScope, floodProblem } from './flood.cases.js';
import {
  checkTopology,
  type Diagnostic,
  parseScript,
  printPaper,
  printStatement,
  printTopology,
  renderDiagnostics,
} from './index.js';
import { isModernKeyword, isName } from './tokens.js';

// Properties.

const macOf = (index: number): MacAddress =>
  `02:00:00:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index & 255).toString(16).padStart(2, '0')}` as MacAddress;

const name = fc.oneof(
  fc.constantFrom('a', 'b', 'c', '2', '4x4', '512M', 'x.example.org', '10.0.0.1', 'lab', 'torus-1', '_'),
  fc
    .stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/)
    .filter((text) => isName(text) && !isModernKeyword(text)),
);
const value = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\r\n]/g, ' '));
const port = fc.oneof(
  fc
    .tuple(fc.constantFrom('tap:', 'bridge:', 'packet:', 'unix:'), fc.oneof(name, value))
    .map((parts) => parts.join('')),
  fc.constantFrom('on', 'lan', 'vm'),
);
const mac = fc.oneof(
  fc.integer({ min: 0, max: 65535 }).map(macOf),
  fc.constant('ff:ff:ff:ff:ff:ff' as MacAddress),
);
const some = <T>(arbitrary: fc.Arbitrary<T>, key: string): fc.Arbitrary<object> =>
  fc.option(arbitrary, { nil: undefined }).map((it) => (it === undefined ? {} : { [key]: it }));
const record = (
  fixed: Record<string, fc.Arbitrary<unknown>>,
  optional: Record<string, fc.Arbitrary<unknown>> = {},
) =>
  fc
    .tuple(fc.record(fixed), ...Object.entries(optional).map(([key, arbitrary]) => some(arbitrary, key)))
    .map((parts) => Object.assign({}, ...parts));
const linkType = fc.constantFrom('udp', 'tcp');
const source = fc.oneof(
  fc.record({ kind: fc.constantFrom('exact', 'not'), mac }),
  fc.constant({ kind: 'any' }),
);
const action = fc.oneof(
  record({ kind: fc.constant('edge'), peer: name }),
  record({ kind: fc.constant('port'), port }),
  fc.constant({ kind: 'drop' }),
);
const shape = fc.oneof(
  record({ kind: fc.constantFrom('star', 'mesh', 'ring', 'line', 'tree', 'torus', 'hypercube') }),
  record({ kind: fc.constantFrom('tree', 'hypercube'), dimensions: fc.tuple(fc.nat(9)) }),
  record({ kind: fc.constant('torus'), dimensions: fc.array(fc.nat(9), { minLength: 1, maxLength: 3 }) }),
);
const endpoint = fc.record({
  address: fc.oneof(
    name.filter((text) => !/^[\d.]+$/.test(text)),
    fc.ipV4(),
    fc.ipV6(),
  ),
  port: fc.integer({ min: 1, max: 65534 }),
});
const flag = fc.constant(true);
const memoryBytes = fc.integer({ min: 1, max: 2 ** 50 });
const cpus = fc.oneof(fc.integer({ min: 1, max: 64 }), fc.double({ min: 0.01, max: 64, noNaN: true }));
const machine = fc.oneof(
  record(
    { driver: fc.constant('qemu') },
    { kernel: value, initrd: value, append: value, disk: value, state: value },
  ),
  record({ driver: fc.constant('netns'), namespace: value }),
  record({ driver: fc.constant('exec'), command: value }),
);
const STATEMENTS: { [K in keyof Topology]: fc.Arbitrary<unknown> } = {
  networks: record(
    { name },
    { id: fc.integer({ min: 1, max: 2 ** 32 - 1 }), mtu: fc.integer({ min: 576, max: 9000 }) },
  ),
  hosts: record({ name }, { proxy: flag, endpoint, user: value, memoryBytes, cpus }),
  vms: record(
    { name, network: name, host: name, macs: fc.array(mac, { maxLength: 3 }) },
    {
      pinned: flag,
      port,
      memoryBytes,
      cpus,
      among: fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
      machine,
    },
  ),
  ports: record({ network: name, host: name, port, role: fc.constantFrom('lan', 'vm', 'vms') }),
  links: record({ type: linkType, a: name, b: name }, { madeBy: name }),
  shapes: fc
    .tuple(shape, record({ type: linkType, network: name, hosts: fc.array(name, { maxLength: 5 }) }))
    .map(([a, b]) => ({ ...a, ...b })),
  routes: record({
    network: name,
    from: name,
    to: name,
    both: fc.boolean(),
    via: fc.array(name, { minLength: 1, maxLength: 5 }),
  }),
  rules: record({
    network: name,
    host: name,
    source,
    destination: fc.oneof(source, fc.constantFrom({ kind: 'group' }, { kind: 'none' })),
    actions: fc.array(action, { minLength: 1, maxLength: 3 }),
  }),
  linkReservations: record({
    type: linkType,
    from: name,
    to: name,
    bitsPerSecond: fc.oneof(
      fc.integer({ min: 1, max: 10 ** 13 }),
      fc.integer({ min: 1, max: 10_000 }).map((number) => number * 10 ** 8),
      fc.double({ min: 1, max: 1e15, noNaN: true }),
    ),
  }),
  cpuReservations: record({
    vm: name,
    periodUs: fc.integer({ min: 1, max: 2_000_000 }),
    sliceUs: fc.integer({ min: 1, max: 2_000_000 }),
  }),
  constraints: fc.oneof(
    record({
      kind: fc.constantFrom('apart', 'together'),
      vms: fc.uniqueArray(name, { minLength: 2, maxLength: 4 }),
    }),
    record({
      kind: fc.constant('within'),
      vms: fc.uniqueArray(name, { minLength: 2, maxLength: 2 }),
      maxLatencyUs: fc.oneof(
        fc.integer({ min: 1, max: 10 ** 8 }),
        fc.double({ min: 1, max: 1e9, noNaN: true }),
      ),
    }),
  ),
};
const topologies = (lists: Partial<Record<keyof Topology, fc.Arbitrary<unknown>>>): fc.Arbitrary<Topology> =>
  fc.record(
    Object.fromEntries(
      TOPOLOGY_LISTS.map((list) => [
        list,
        fc.uniqueArray(lists[list] ?? fc.constant({}), {
          selector: IDENTITY[list] as (statement: unknown) => string,
          maxLength: lists[list] === undefined ? 0 : 5,
        }),
      ]),
    ),
  ) as unknown as fc.Arbitrary<Topology>;

/** Any topology whose statements are well formed, sensible or not. */
const anyTopology = topologies(STATEMENTS).filter(({ networks }) => networks.length > 0);

t.test('parse(print(t)) is t, and printing is canonical', async () => {
  fc.assert(
    fc.property(anyTopology, (topology) => {
      const text = printTopology(topology);
      const again = parseScript(text).topology;
      if (!sameTopology(again, topology)) throw new Error(`${text}\n${JSON.stringify(again, null, 1)}`);
      const reversed = Object.fromEntries(
        TOPOLOGY_LISTS.map((list) => [list, [...topology[list]].reverse()]),
      );
      return printTopology(again) === text && printTopology(reversed as unknown as Topology) === text;
    }),
    { numRuns: 1000 },
  );
});

t.test('a statement printed alone reads back', async () => {
  fc.assert(
    fc.property(anyTopology, (topology) => {
      for (const list of TOPOLOGY_LISTS) {
        for (const statement of topology[list]) {
          const line = printStatement(list, statement, topology);
          const home = topology.networks.map((network) => network.name).sort()[0];
          const again = parseScript(list === 'networks' ? line : `network ${home}\n${line}`).topology;
          if (/[\r\n]/.test(line) || again[list].length !== 1) throw new Error(line);
        }
      }
    }),
    { numRuns: 200 },
  );
});

const paperName = fc.constantFrom('a', 'b', 'c', 'm1.example.org', '10.0.0.1');
const paperPort = fc
  .oneof(fc.constantFrom('eth0', 'vmnet1', 'add', '1:2:3:4:5:6'), value)
  .map((text) => `packet:${text}`);
const sayable = topologies({
  hosts: record({ name: paperName, number: fc.integer({ min: 1, max: 65534 }), user: value }).map(
    ({ name: host, number, user }): Host => ({ name: host, endpoint: { address: host, port: number }, user }),
  ),
  ports: record({
    network: fc.constant('default'),
    host: paperName,
    port: paperPort,
    role: fc.constant('lan'),
  }),
  links: fc
    .tuple(linkType, paperName, paperName, fc.boolean())
    .map(([type, a, b, first]) => ({ type, madeBy: first ? a : b, a, b })),
  rules: record({
    network: fc.constant('default'),
    host: paperName,
    source,
    destination: fc.oneof(source, fc.constant({ kind: 'none' })),
    actions: fc.tuple(
      fc.oneof(
        record({ kind: fc.constant('edge'), peer: paperName }),
        record({ kind: fc.constant('port'), port: paperPort }),
      ),
    ),
  }),
}).map((topology): Topology => {
  const hosts = topology.hosts.map((host, index) => (index === 0 ? { ...host, proxy: true } : host));
  const isHere = (host: string): boolean => hosts.some((known) => known.name === host);
  return {
    ...topology,
    networks: [{ name: 'default' }],
    hosts,
    ports: [
      ...topology.ports.filter((statement) => isHere(statement.host) && statement.port !== 'packet:own'),
      ...hosts.map(({ name: host }) => ({
        network: 'default',
        host,
        port: 'packet:own',
        role: 'lan' as const,
      })),
    ],
    links: topology.links.filter(({ a, b }) => isHere(a) && isHere(b)),
    rules: topology.rules.filter(
      ({ host, actions: [first] }) => isHere(host) && (first?.kind !== 'edge' || isHere(first.peer)),
    ),
  };
});

t.test("the paper's form says what it can and lists the rest", async (t) => {
  const same = (topology: Topology): { same: boolean; omitted: string[]; text: string } => {
    const { text, omitted } = printPaper(topology);
    return { same: sameTopology(parseScript(text).topology, topology), omitted, text };
  };
  fc.assert(
    fc.property(sayable, (topology) => {
      const result = same(topology);
      if (!result.same || result.omitted.length > 0)
        throw new Error(JSON.stringify([result, topology], null, 1));
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(anyTopology, sayable, fc.boolean(), (general, paper, mixed) => {
      const { hosts, ports, rules } = paper;
      const result = same(mixed ? { ...general, networks: paper.networks, hosts, ports, rules } : general);
      return result.same === (result.omitted.length === 0);
    }),
    { numRuns: 500 },
  );
  t.match(printPaper(parseScript(DESIGN_EXAMPLE).topology).omitted, [
    /^proxy home at .*: a HOST is reached by its name/,
  ]);
});

t.test('group rules without a cycle carry a frame to everybody once', async (t) => {
  let cyclic = 0;
  let whole = 0;
  fc.assert(
    fc.property(anyScope, (scope) => {
      if (groupCycles(scope).length > 0) cyclic++;
      else {
        whole++;
        const problem = floodProblem(scope);
        if (problem !== undefined) throw new Error(problem);
      }
    }),
    { numRuns: 2000 },
  );
  t.ok(cyclic > 300 && whole > 300, `${cyclic} with a cycle, ${whole} without`);
});

t.test('rules that are said to decide nothing decide of no frame', async (t) => {
  const macs = [0, 1, 2].map(macOf);
  const end = fc.oneof(
    fc.record({ kind: fc.constantFrom('exact', 'not'), mac: fc.constantFrom(...macs.slice(1)) }),
    fc.constantFrom({ kind: 'any' }, { kind: 'none' }),
  );
  const drop = fc.record({
    network: fc.constant('lab'),
    host: fc.constant('p'),
    source: end.filter(({ kind }) => kind !== 'none'),
    destination: end,
    actions: fc.constant([{ kind: 'drop' }]),
  }) as fc.Arbitrary<RuleStatement>;
  const matches = (matcher: RuleStatement['destination'], mac: MacAddress): boolean =>
    'mac' in matcher ? (matcher.kind === 'exact') === (matcher.mac === mac) : true;
  const classes = ['exact', 'not', 'any', 'none'];
  const strength = ({ source, destination }: RuleStatement): number =>
    classes.indexOf(destination.kind) * classes.length + classes.indexOf(source.kind);
  let covered = 0;
  fc.assert(
    fc.property(fc.array(drop, { maxLength: 6 }), (table) => {
      for (const [rule] of coveredRules(table)) {
        covered++;
        for (const [from, to] of macs.flatMap((a) => macs.map((b) => [a, b] as const))) {
          const fitting = table.filter((each) => matches(each.source, from) && matches(each.destination, to));
          const best = Math.min(...fitting.map(strength));
          if (fitting.includes(rule) && strength(rule) === best) return false;
        }
      }
      return true;
    }),
    { numRuns: 1000 },
  );
  t.ok(covered > 100, `${covered} rules`);
});

// Fuzzing.

const errorsOf = (diagnostics: Diagnostic[]): Diagnostic[] =>
  diagnostics.filter(({ severity }) => severity === 'error');

/** Holds for any text at all: no throw, sane places, all drawn, and the checks of the result agree. */
function survives(text: string): void {
  const { topology, diagnostics } = parseScript(text, { file: 'f', readInclude: () => text });
  for (const { line, column, endColumn, message } of diagnostics) {
    if (line > 0 && !(column >= 1 && endColumn > column)) throw new Error(`no place: ${message}`);
  }
  renderDiagnostics(diagnostics, () => text, { color: true });
  printTopology(topology);
  printPaper(topology);
  if (errorsOf(diagnostics).length === 0) {
    const again = errorsOf(checkTopology(topology));
    if (again.length > 0) throw new Error(JSON.stringify(again));
    if (errorsOf(parseScript(printTopology(topology)).diagnostics).length > 0)
      throw new Error('printed text has errors');
  }
}

t.test('random and mutated text neither throws nor hangs', async () => {
  const seeds = [DESIGN_EXAMPLE, PROMISES, FIGURE_2];
  const vocabulary = [
    ...new Set(seeds.join(' ').split(/\s+/)),
    ...'rule torus 4x4 hypercube 99 tree in not any none group drop edge , " include mesh ring line reserve keep apart together within of among 20ms 50M DELETE 9999999999 \n \n'.split(
      ' ',
    ),
  ];
  const word = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...vocabulary) }, fc.string());
  const edit = fc.record({
    at: fc.nat(),
    length: fc.nat(12),
    insert: fc.oneof(fc.constant(''), word, fc.string({ unit: 'binary' })),
  });
  fc.assert(fc.property(fc.string({ unit: 'binary' }), survives), { numRuns: 500 });
  fc.assert(
    fc.property(fc.array(word, { maxLength: 60 }), (words) => survives(words.join(' '))),
    { numRuns: 700 },
  );
  fc.assert(
    fc.property(fc.constantFrom(...seeds), fc.array(edit, { maxLength: 8 }), (seed, edits) => {
      let text = seed;
      for (const { at, length, insert } of edits) {
        const from = at % (text.length + 1);
        text = `${text.slice(0, from)}${insert}${text.slice(from + length)}`;
      }
      survives(text);
    }),
    { numRuns: 1000 },
  );
});

t.test('long nonsense takes linear time', async (t) => {
  const started = performance.now();
  for (const piece of ['"', 'a', ' a', '#', ',', '<->', '-', '\\"', 'star ', 'rule on ', 'x\n', '\t\n']) {
    survives(piece.repeat(20_000));
    survives(`BEGIN ${piece.repeat(20_000)}`);
  }
  t.ok(performance.now() - started < 30_000, `${Math.round(performance.now() - started)} ms`);
});
