import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { DEFAULT_NETWORK, emptyTopology, type MacAddress } from '../core/index.js';
import { CASES, FILES } from './diagnostics-cases/index.js';
import {
  checkTopology,
  type Diagnostic,
  MAX_SCRIPT_LENGTH,
  parseScript,
  portWithLinks,
  renderDiagnostics,
  routeSuspended,
  warningOf,
} from './index.js';

const seen = new Set<string>();
const note = (diagnostics: Diagnostic[]): Diagnostic[] => {
  for (const { code } of diagnostics) seen.add(code);
  return diagnostics;
};

t.test('every message, to the letter', async (t) => {
  for (const { name, script, says, ...options } of CASES) {
    const text = script.slice(1);
    const { diagnostics } = parseScript(text, { file: 't.vnet', ...options });
    const sourceOf = (file: string): string | undefined => (file === 't.vnet' ? text : FILES[file]);
    t.equal(renderDiagnostics(note(diagnostics), sourceOf), says.slice(1), name);
  }
});

t.test('what only topologies without text can have', async (t) => {
  const network = DEFAULT_NETWORK;
  const mac = '02:zz' as MacAddress;
  const vm = { network, host: 'p', macs: ['02:00:00:00:00:01' as MacAddress] };
  const topology = {
    ...emptyTopology(),
    hosts: [
      { name: 'p', proxy: true, endpoint: { address: 'a b', port: 1 } },
      { name: 'vm', endpoint: { address: '::1', port: 0 } },
    ],
    vms: [
      { ...vm, name: 'x', memoryBytes: 0.5, cpus: -1 },
      { ...vm, name: 'y', macs: [mac] },
    ],
    routes: [{ network, from: 'x', to: 'y', both: true, via: [] }],
    rules: [
      {
        network,
        host: 'p',
        source: { kind: 'exact' as const, mac },
        destination: { kind: 'none' as const },
        actions: [],
      },
    ],
    linkReservations: [{ type: 'tcp' as const, from: 'p', to: 'vm', bitsPerSecond: 0 }],
    constraints: [
      { kind: 'apart' as const, vms: ['x'] },
      { kind: 'within' as const, vms: ['x', 'y'], maxLatencyUs: Number.NaN },
    ],
  };
  t.equal(
    renderDiagnostics(note(checkTopology(topology, 'body')), () => undefined),
    `
error[bad-address]: "a b" is not an address
 --> body
  = help: write a name or an IP address, then a colon and the port, as in 10.0.0.1:7700

error[reserved-name]: "vm" is a word of the language and cannot be a name
 --> body
  = help: call it "vm1", say

error[bad-address]: "0" is not a port number
 --> body
  = help: ports go from 1 to 65534: the control channel takes the one after

error[bad-number]: "0.5" is not a size
 --> body
  = help: write it as in 512M or 2G

error[bad-number]: "-1" is not a number of CPUs
 --> body
  = help: write it as in 2 or 0.5

error[bad-mac]: "02:zz" is not an Ethernet address
 --> body
  = help: write six hexadecimal octets, as in 02:00:00:00:00:01

error[route-empty]: the route names no hosts
 --> body
  = help: via names every host of the path, ends included

error[rule-empty]: the rule does nothing
 --> body
  = help: to drop frames, write "via drop"

error[bad-mac]: "02:zz" is not an Ethernet address
 --> body
  = help: write six hexadecimal octets, as in 02:00:00:00:00:01

error[bad-number]: "0" is not a rate
 --> body
  = help: write it as in 50M or 1.5G

error[keep-one]: fewer than two VMs are named
 --> body
  = help: name two different VMs or more

error[bad-number]: "NaN" is not a time
 --> body
  = help: write it as in 20ms or 500us
`.slice(1),
  );
});

t.test('what only the running overlay knows', async (t) => {
  const warnings = [
    warningOf('lab.vnet', portWithLinks('packet:eth0', 'a', '10.0.0.1')),
    warningOf('lab.vnet', routeSuspended('route x <-> y', 'x', 'b')),
  ];
  t.equal(
    renderDiagnostics(note(warnings), () => undefined),
    `
warning[port-with-links]: port "packet:eth0" of "a" is on the interface that its links use (10.0.0.1)
 --> lab.vnet
  = help: every datagram of the links enters there too: use another interface where there is one; a Proxy with one interface only may do so

warning[route-suspended]: the route x <-> y is suspended: VM "x" was moved to "b"
 --> lab.vnet
  = help: its frames go by the star until x is back; let the route end at b, or write "vm x on b"
`.slice(1),
  );
});

t.test('limits', async (t) => {
  const large = note(parseScript(' '.repeat(MAX_SCRIPT_LENGTH + 1)).diagnostics);
  t.equal(large[0]?.message, 'the script is longer than 16777216 characters');
  const many = note(parseScript('link udp a a\n'.repeat(101)).diagnostics);
  t.equal(many.at(-1)?.message, '202 more errors are not shown');
  let count = 0;
  const endless = parseScript('include "x"', { readInclude: () => `include "${count++}"` });
  t.equal(note(endless.diagnostics)[0]?.message, 'more than 256 files are included');
});

t.test('a line that is too long to show is cut around the mark, and colours stay apart', async (t) => {
  const text = `host ${'a'.repeat(50)}${' '.repeat(300)}nonsense`;
  const { diagnostics } = parseScript(text);
  t.match(
    renderDiagnostics(diagnostics, () => text),
    /1 \| {80}nonsense\n {2}\| {80}\^{8}$/m,
  );
  const { diagnostics: tabbed } = parseScript('\thost\ta\tx');
  t.match(
    renderDiagnostics(tabbed, () => '\thost\ta\tx', { color: true }),
    /\u001b\[31;1m\t {4}\t \t\^\u001b/,
  );
});

t.test('every code of the wording is shown above', async (t) => {
  const source = readFileSync(join(import.meta.dirname, '../../lang/wording.ts'), 'utf8');
  const codes = [...source.matchAll(/code: '([\w-]+)'/g)].map((match) => match[1] ?? '');
  t.ok(codes.length > 30);
  t.strictSame(
    codes.filter((code) => !seen.has(code)),
    [],
  );
});

t.test('what documents and examples show is in the language', async (t) => {
  const root = join(import.meta.dirname, '../..');
  const read = (file: string): string => readFileSync(join(root, file), 'utf8');
  const list = (folder: string): string[] =>
    existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : [];
  let shown = 0;
  const documents = ['README.md', ...list('docs').map((name) => `docs/${name}`)].filter((name) =>
    name.endsWith('.md'),
  );
  for (const file of documents) {
    for (const [, block = ''] of read(file).matchAll(/^```vnet\n([^]*?)^```$/gm)) {
      t.equal(
        renderDiagnostics(parseScript(block, { file }).diagnostics, () => block),
        '',
        file,
      );
      shown++;
    }
  }
  t.ok(shown >= 5);
  for (const name of list('examples').filter((name) => name.endsWith('.vnet'))) {
    const file = `examples/${name}`;
    const readInclude = (path: string, from: string): string => read(join(dirname(from), path));
    const { diagnostics } = parseScript(read(file), { file, readInclude });
    t.equal(renderDiagnostics(diagnostics, read), '', file);
  }
});
