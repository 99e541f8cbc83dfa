import fc from 'fast-check';
import t from 'tap';
import {
  type Host,
  IDENTITY,
  type MacAddress,
  sameTopology,
  type Topology,
  TOPOLOGY_LISTS,
  VnetError,
} from '../core/index.js';
import { editDistance, nearest } from './did-you-mean.js';
import {
  checkTopology,
  loadScript,
  MAX_DIAGNOSTICS,
  parseScript,
  printPaper,
  printStatement,
  printTopology,
  renderDiagnostics,
} from './index.js';
import { isModernKeyword, isName } from './tokens.js';

const DESIGN_EXAMPLE = `network lab

proxy home  at home.example.org:7700  lan bridge:br0
host  a     at 10.0.1.1:7700
host  b                                 # no address: behind NAT, dials out

vm web  on a         mac 02:00:00:00:00:01  port tap:web0  memory 512M  cpu 1
vm db   pinned on b  mac 02:00:00:00:00:02  port packet:vnet7

star tcp                                # the ground: every host to the Proxy
link udp a b                            # a fast path on top
route web <-> db  via a b               # every host of the path, ends included, both directions
`;

const FIGURE_2 = `BEGIN
HOST alice AT Proxy 7700 eth0
HOST alice AT Host1 7700 vmnet1
ADD
LINK TCP Host1 Host1 Proxy
FORWARD INTERFACE Host1 NOT 00:50:56:00:21:01 FF:FF:FF:FF:FF:FF vmnet1
FORWARD INTERFACE Host1 ANY 00:50:56:00:21:01 vmnet1
FORWARD EDGE Host1 00:50:56:00:21:01 NONE Host1 Proxy
END
`;

const clean = (text: string, options = {}): Topology => {
  const { topology, diagnostics } = parseScript(text, options);
  t.equal(
    renderDiagnostics(diagnostics, () => text),
    '',
  );
  return topology;
};
const codes = (text: string, options = {}): string[] =>
  parseScript(text, options).diagnostics.map(({ line, code }) => `${line} ${code}`);

t.test('the example of the modern form', async (t) => {
  const topology = clean(DESIGN_EXAMPLE);
  t.strictSame(topology, {
    networks: [{ name: 'lab' }],
    hosts: [
      { name: 'home', proxy: true, endpoint: { address: 'home.example.org', port: 7700 } },
      { name: 'a', endpoint: { address: '10.0.1.1', port: 7700 } },
      { name: 'b' },
    ],
    vms: [
      {
        name: 'web',
        network: 'lab',
        host: 'a',
        macs: ['02:00:00:00:00:01'],
        port: 'tap:web0',
        memoryBytes: 512 * 2 ** 20,
        cpus: 1,
      },
      {
        name: 'db',
        network: 'lab',
        host: 'b',
        pinned: true,
        macs: ['02:00:00:00:00:02'],
        port: 'packet:vnet7',
      },
    ],
    ports: [{ network: 'lab', host: 'home', port: 'bridge:br0', role: 'lan' }],
    links: [{ type: 'udp', a: 'a', b: 'b' }],
    shapes: [{ kind: 'star', type: 'tcp', network: 'lab', hosts: [] }],
    routes: [{ network: 'lab', from: 'web', to: 'db', both: true, via: ['a', 'b'] }],
    rules: [],
  });
  t.equal(
    printTopology(topology),
    `network lab

proxy home  at home.example.org:7700  lan bridge:br0
host  a     at 10.0.1.1:7700
host  b

vm db   pinned on b  mac 02:00:00:00:00:02  port packet:vnet7
vm web  on a         mac 02:00:00:00:00:01  port tap:web0      memory 512M  cpu 1

star tcp
link udp a b
route web <-> db  via a b
`,
  );
});

t.test('Figure 2 in the form of Figure 5', async (t) => {
  const { form, topology, change } = parseScript(FIGURE_2);
  t.equal(form, 'paper');
  t.strictSame(
    topology.hosts.map(({ name, proxy, endpoint, user }) => [
      name,
      proxy,
      endpoint?.address,
      endpoint?.port,
      user,
    ]),
    [
      ['Proxy', true, 'Proxy', 7700, 'alice'],
      ['Host1', undefined, 'Host1', 7700, 'alice'],
    ],
  );
  t.strictSame(topology.links, [{ type: 'tcp', madeBy: 'Host1', a: 'Host1', b: 'Proxy' }]);
  const vm = '00:50:56:00:21:01';
  t.strictSame(
    topology.rules.map(({ source, destination, actions }) => [source, destination, actions]),
    [
      [
        { kind: 'not', mac: vm },
        { kind: 'exact', mac: 'ff:ff:ff:ff:ff:ff' },
        [{ kind: 'port', port: 'packet:vmnet1' }],
      ],
      [{ kind: 'any' }, { kind: 'exact', mac: vm }, [{ kind: 'port', port: 'packet:vmnet1' }]],
      [{ kind: 'exact', mac: vm }, { kind: 'none' }, [{ kind: 'edge', peer: 'Proxy' }]],
    ],
  );
  t.equal(change.add, topology);
  t.strictSame(clean(FIGURE_2), topology);
});

t.test("the paper's form, loosely written", async (t) => {
  const text = `# in any case, anywhere on a line
begin host "a b" at p 7700 eth0 HOST u AT q 7701 eth0 HOST u AT q 7701 eth1
ADD FORWARD EDGE p ANY 01 : 02 : 03 : 04 : 05 : 06 NOT 1:2:3:4:5:6 q p
    FORWARD EDGE p ANY 02:02:03:04:05:06 p q
    FORWARD interface q ANY ANY eth1
    LINK UDP q p q
DELETE LINK TCP p p q FORWARD EDGE q any none q p
END`;
  const { topology, change, diagnostics } = parseScript(text, { proxy: 'q' });
  t.strictSame(diagnostics, []);
  t.strictSame(
    topology.hosts.map(({ name, proxy }) => [name, proxy ?? false]),
    [
      ['p', false],
      ['q', true],
    ],
  );
  t.strictSame(
    topology.rules.map(({ source, destination }) => [source, destination]),
    [
      [{ kind: 'any' }, { kind: 'not', mac: '01:02:03:04:05:06' }],
      [{ kind: 'any' }, { kind: 'exact', mac: '02:02:03:04:05:06' }],
      [{ kind: 'any' }, { kind: 'any' }],
    ],
  );
  t.strictSame(
    topology.ports.map(({ port }) => port),
    ['packet:eth0', 'packet:eth0', 'packet:eth1'],
  );
  t.strictSame(change.remove.links, [{ type: 'tcp', madeBy: 'p', a: 'p', b: 'q' }]);
  t.equal(change.remove.rules.length, 1);
  t.strictSame(codes(text, { proxy: 'r' }), ['0 unknown-host']);

  const lastWord = parseScript(`BEGIN HOST u AT p 1 e HOST u AT q 1 e
    ADD LINK UDP p p q DELETE LINK UDP q q p DELETE LINK TCP p p q ADD LINK TCP p p q END`);
  t.strictSame(
    lastWord.change.add.links.map(({ type }) => type),
    ['tcp'],
    'of ADD and DELETE the last counts',
  );
  t.strictSame(
    lastWord.change.remove.links.map(({ type }) => type),
    ['udp'],
  );
});

t.test('a script is checked against what runs', async (t) => {
  const script = `BEGIN HOST u AT p 1 e HOST u AT q 1 e HOST u AT r 1 e
    ADD FORWARD EDGE q ANY NONE q r END`;
  t.strictSame(codes(script), ['2 no-edge']);
  const running = parseScript(
    `BEGIN HOST u AT p 1 e HOST u AT q 1 e HOST u AT r 1 e ADD LINK UDP q q r END`,
  ).topology;
  t.strictSame(codes(script, { running }), []);
  const breaking = `BEGIN HOST u AT p 1 e HOST u AT q 1 e HOST u AT r 1 e DELETE LINK UDP q q r END`;
  const withRule = parseScript(script, { running }).topology;
  t.strictSame(codes(breaking, { running: { ...running, rules: withRule.rules } }), ['0 no-edge']);
});

t.test('statements end where the next begins', async (t) => {
  const spread = clean(`proxy p host a
    at 10.0.0.1
  host b
  vm x on a
     mac 02:00:00:00:00:01,
02:00:00:00:00:03
     port tap:x
  port tap:y on a
    lan
  vm y on b mac 02:00:00:00:00:02  port unix:/run/y.sock  port tap:z on b vm
  rule on a from x to any via port tap:x,
    port tap:y, edge p
  mesh a
    b`);
  t.strictSame(spread.vms[0]?.macs, ['02:00:00:00:00:01', '02:00:00:00:00:03']);
  t.strictSame(
    spread.ports.map(({ port }) => port),
    ['tap:y', 'tap:z'],
  );
  t.equal(spread.rules[0]?.actions.length, 3);
  t.strictSame(spread.shapes[0]?.hosts, ['a', 'b']);
  t.strictSame(spread.networks, [{ name: 'default' }]);
  t.strictSame(
    clean('proxy p\r\nhost a\r\n').hosts.map(({ name }) => name),
    ['p', 'a'],
  );
  t.strictSame(clean('').networks, [{ name: 'default' }], 'an empty script is no error');
});

t.test('values', async (t) => {
  const { hosts, vms, shapes } = clean(`proxy p at [2001:db8::1]  host a at [::1]:1234
host b at b.example user "a b"
vm v on a mac 2-0-0-0-0-A memory 2G cpu 0.5 port "unix:/run/a b.sock"
star host c host d  tree 3 udp p a b c d  hypercube 1 a b  torus 2x2 tcp a b c d`);
  t.strictSame(
    hosts.slice(0, 3).map(({ endpoint }) => endpoint),
    [
      { address: '2001:db8::1', port: 7700 },
      { address: '::1', port: 1234 },
      { address: 'b.example', port: 7700 },
    ],
  );
  t.strictSame([vms[0]?.macs, vms[0]?.memoryBytes, vms[0]?.cpus], [['02:00:00:00:00:0a'], 2 ** 31, 0.5]);
  t.strictSame(
    shapes.map(({ kind, type, dimensions }) => [kind, type, dimensions]),
    [
      ['star', 'tcp', undefined],
      ['tree', 'udp', [3]],
      ['hypercube', 'udp', [1]],
      ['torus', 'tcp', [2, 2]],
    ],
  );
});

t.test('networks: a statement is in the first of its file, or of the including one', async (t) => {
  const files: Record<string, string> = {
    'sub/vms.vnet': 'vm x on a mac 02:00:00:00:00:01\ninclude "more.vnet"',
    'sub/more.vnet': 'network other\nvm y on a mac 02:00:00:00:00:01\nvm z on a mac 02:00:00:00:00:02 in lab',
  };
  const readInclude = (path: string, from: string): string => {
    const file = from.startsWith('sub/') ? `sub/${path}` : path;
    const text = files[file];
    if (text === undefined) throw new Error('no such file');
    return text;
  };
  const topology = clean('include "sub/vms.vnet"\nnetwork lab\nproxy a\ninclude "./sub/more.vnet"', {
    file: 'main.vnet',
    readInclude,
  });
  t.strictSame(
    topology.vms.map(({ name, network }) => [name, network]),
    [
      ['x', 'lab'],
      ['y', 'other'],
      ['z', 'lab'],
    ],
  );
  files['sub/more.vnet'] = 'include "vms.vnet"\ninclude "gone.vnet"\nlink udp a a';
  const { diagnostics } = parseScript('proxy a\ninclude "sub/vms.vnet"', { file: 'main.vnet', readInclude });
  t.strictSame(
    diagnostics.map(({ file, line, code }) => `${file}:${line} ${code}`),
    ['sub/more.vnet:1 include-cycle', 'sub/more.vnet:2 include-missing', 'sub/more.vnet:3 self-link'],
  );
});

t.test('an error costs one statement', async (t) => {
  const text = `proxy p
host a at
hots b
host c d
link udp a b
link udp c zzz
link tcp c p
`;
  t.strictSame(codes(text), ['2 syntax', '3 unknown-statement', '4 syntax', '6 unknown-host']);
  t.strictSame(parseScript(text).topology.links.length, 3);
  try {
    loadScript(text, { file: 'x.vnet' });
    t.fail('must throw');
  } catch (error) {
    t.ok(error instanceof VnetError);
    t.match(error, { code: 'VNET_ERR_SCRIPT', message: /^x\.vnet:2: .* \(and 3 more\)$/ });
    t.equal(((error as VnetError).details as unknown[]).length, 4);
  }
  t.equal(loadScript(DESIGN_EXAMPLE).topology.vms.length, 2);
  const many = parseScript('link udp a a\n'.repeat(3 * MAX_DIAGNOSTICS)).diagnostics;
  t.equal(many.length, MAX_DIAGNOSTICS + 1);
  t.equal(many.at(-1)?.code, 'too-many');
});

t.test('10,000 hosts are read in a moment', async (t) => {
  const hosts = Array.from(
    { length: 10_000 },
    (_, i) => `host h${i} at 10.0.0.1\nvm v${i} on h${i} mac ${macOf(i)}`,
  );
  const started = performance.now();
  t.strictSame(parseScript(`proxy p\nmesh udp\n${hosts.join('\n')}`).diagnostics, []);
  t.ok(performance.now() - started < 10_000, `${Math.round(performance.now() - started)} ms`);
});

t.test('did you mean', async (t) => {
  t.equal(editDistance('kitten', 'sitting'), 3);
  t.equal(editDistance('ab', 'ba'), 1);
  t.equal(nearest('prxoy', ['a', 'proxy', 'pry']), 'proxy');
  t.equal(nearest('x', ['y']), undefined);
  t.equal(nearest('X', ['x']), 'x');
  t.equal(nearest('same', ['same']), undefined);
});

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
  address: fc.oneof(name, fc.ipV4(), fc.ipV6()),
  port: fc.integer({ min: 1, max: 65534 }),
});
const flag = fc.constant(true);
const STATEMENTS: { [K in keyof Topology]: fc.Arbitrary<unknown> } = {
  networks: record(
    { name },
    { id: fc.integer({ min: 1, max: 2 ** 32 - 1 }), mtu: fc.integer({ min: 576, max: 9000 }) },
  ),
  hosts: record({ name }, { proxy: flag, endpoint, user: value }),
  vms: record(
    { name, network: name, host: name, macs: fc.array(mac, { maxLength: 3 }) },
    {
      pinned: flag,
      port,
      memoryBytes: fc.integer({ min: 1, max: 2 ** 50 }),
      cpus: fc.oneof(fc.integer({ min: 1, max: 64 }), fc.double({ min: 0.01, max: 64, noNaN: true })),
    },
  ),
  ports: record({ network: name, host: name, port, role: fc.constantFrom('lan', 'vm') }),
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
  t.match(printPaper(clean(DESIGN_EXAMPLE)).omitted, [/^proxy home at .*: a HOST is reached by its name/]);
});

// Fuzzing.

/** Holds for any text at all: no throw, sane places, all drawn, and the checks of the result agree. */
function survives(text: string): void {
  const { topology, diagnostics } = parseScript(text, { file: 'f', readInclude: () => text });
  for (const { line, column, endColumn, message } of diagnostics) {
    if (line > 0 && !(column >= 1 && endColumn > column)) throw new Error(`no place: ${message}`);
  }
  renderDiagnostics(diagnostics, () => text, { color: true });
  printTopology(topology);
  printPaper(topology);
  if (diagnostics.length === 0) {
    const again = checkTopology(topology);
    if (again.length > 0) throw new Error(JSON.stringify(again));
    if (parseScript(printTopology(topology)).diagnostics.length > 0)
      throw new Error('printed text has errors');
  }
}

t.test('random and mutated text neither throws nor hangs', async () => {
  const seeds = [DESIGN_EXAMPLE, FIGURE_2];
  const vocabulary = [
    ...new Set(seeds.join(' ').split(/\s+/)),
    ...'rule torus 4x4 hypercube 99 tree in not any none group drop edge , " include mesh ring line DELETE 9999999999 \n \n'.split(
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
