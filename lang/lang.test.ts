import t from 'tap';
import { type Topology, VnetError } from '../core/index.js';
import { editDistance, nearest } from './did-you-mean.js';
import { DESIGN_EXAMPLE, FIGURE_2, PROMISES } from './examples.cases.js';
import {
  loadScript,
  MAX_DIAGNOSTICS,
  parseScript,
  printPaper,
  printTopology,
  readDurationUs,
  readRate,
  renderDiagnostics,
} from './index.js';

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
    linkReservations: [],
    cpuReservations: [],
    constraints: [],
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

t.test('reservations, and where VMs may be placed', async (t) => {
  const topology = clean(PROMISES);
  t.strictSame(topology.linkReservations, [
    { type: 'udp', from: 'a', to: 'b', bitsPerSecond: 50_000_000 },
    { type: 'udp', from: 'b', to: 'a', bitsPerSecond: 50_000_000 },
    { type: 'tcp', from: 'home', to: 'a', bitsPerSecond: 1_500_000_000 },
  ]);
  t.strictSame(topology.cpuReservations, [
    { vm: 'web', periodUs: 100_000, sliceUs: 20_000 },
    { vm: 'db', periodUs: 5_000, sliceUs: 1_500 },
  ]);
  t.strictSame(topology.constraints, [
    { kind: 'apart', vms: ['web2', 'web'] },
    { kind: 'together', vms: ['web', 'db'] },
    { kind: 'within', vms: ['web', 'db'], maxLatencyUs: 5_000 },
  ]);
  t.strictSame(topology.vms.find(({ name }) => name === 'db')?.among, ['a', 'b']);
  t.equal(
    printTopology(topology).split('\n\n').at(-1),
    `reserve tcp home -> a  1.5G
reserve udp a -> b     50M
reserve udp b -> a     50M
reserve cpu db   1500us of 5ms
reserve cpu web  20ms of 100ms
keep apart web web2
keep together db web
keep db <-> web within 5ms
`,
  );
  t.strictSame(
    printPaper(topology).omitted.filter((line) => /^(reserve|keep)/.test(line)),
    [
      'reserve tcp home -> a 1.5G: reservations cannot be said',
      'reserve udp a -> b 50M: reservations cannot be said',
      'reserve udp b -> a 50M: reservations cannot be said',
      'reserve cpu db 1500us of 5ms: reservations cannot be said',
      'reserve cpu web 20ms of 100ms: reservations cannot be said',
      'keep apart web web2: where VMs may be placed cannot be said',
      'keep together db web: where VMs may be placed cannot be said',
      'keep db <-> web within 5ms: where VMs may be placed cannot be said',
    ],
  );
});

t.test('rates and durations', async (t) => {
  for (const [text, value] of [
    ['50M', 5e7],
    ['1.5G', 1.5e9],
    ['500k', 5e5],
    ['2.3Mbit', 2.3e6],
    ['8', 8],
    ['1Gbps', 1e9],
    ['0.1T', 1e11],
  ] as const)
    t.equal(readRate(text), value, text);
  for (const bad of ['', 'M', '-1M', '1e3', '0', '0M', '5MB', '1 G', '9999999T'])
    t.equal(readRate(bad), undefined, bad);
  for (const [text, value] of [
    ['250us', 250],
    ['20ms', 20_000],
    ['1.5s', 1_500_000],
    ['0.3ms', 300],
  ] as const)
    t.equal(readDurationUs(text), value, text);
  for (const bad of ['', '5', 'ms', '0ms', '1m', '1h', '-1s']) t.equal(readDurationUs(bad), undefined, bad);
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
  const settled = { ...running, networks: [{ name: 'default', mtu: 1400 }] };
  t.equal(
    parseScript(script, { running: settled }).change.add.networks[0]?.mtu,
    1400,
    'what runs keeps its mtu',
  );
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
    (_, i) =>
      `host h${i} at 10.0.0.1\nvm v${i} on h${i} mac ${(2 * 2 ** 40 + i)
        .toString(16)
        .padStart(12, '0')
        .replace(/..(?!$)/g, '$&:')}`,
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
