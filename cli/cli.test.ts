import { execFileSync } from 'node:child_process';
import type { Command } from 'commander';
import t from 'tap';
import { type RouteHop, VnetError } from '../core/index.js';
import { DB, FakeOverlay, labTopology, STRANGER, WEB } from './fake-overlay.js';
import { bodyOf, fakeContext, vnet } from './fake-world.js';
import { buildProgram, runCli } from './index.js';

t.test('vnet alone guides, --version says, --help lists', async (t) => {
  const { code, out } = await vnet([]);
  t.equal(code, 0);
  for (const group of ['First steps:', 'Look:', 'Explain:', 'Change:', 'Start and stop:'])
    t.match(out, group);
  t.notMatch(out, '\u001b', 'no colour where there is no terminal');
  t.match((await vnet([], { tty: true })).out, '\u001b[1m');
  t.notMatch((await vnet(['--no-color'], { tty: true })).out, '\u001b');
  t.notMatch((await vnet([], { tty: true, env: { NO_COLOR: '1' } })).out, '\u001b');
  t.equal((await vnet('--version')).out, '0.1.0\n');
  t.match((await vnet('help route')).out, 'Usage: vnet route');
  const help = await vnet('--help');
  t.equal(help.code, 0);
  t.match(help.out, /Look:[\s\S]*status[\s\S]*Change:[\s\S]*apply/);
});

t.test('every verb and action explains itself with examples', async (t) => {
  const commands = (parent: Command, path: string[]): string[][] =>
    parent.commands.flatMap((command) => [
      [...path, command.name()],
      ...commands(command, [...path, command.name()]),
    ]);
  const paths = commands(buildProgram(fakeContext(new FakeOverlay()).context), []);
  t.ok(paths.length > 25, `${paths.length} verbs and actions`);
  for (const path of paths) {
    const { code, out } = await vnet([...path, '--help']);
    t.equal(code, 0, path.join(' '));
    t.match(out, /Usage: vnet [\s\S]*\n\nExamples:\n {2}vnet \S+[\s\S]*\n {6}\S/, path.join(' '));
    t.match(out, '--json', `${path.join(' ')} shows the options that every verb takes`);
  }
});

t.test('mistakes on the command line', async (t) => {
  const mistyped = await vnet('lnks');
  t.equal(mistyped.code, 1);
  t.match(mistyped.err, "error: there is no verb 'lnks'\nhint: did you mean links?");
  t.equal(bodyOf((await vnet('lnks --json')).err).code, 'VNET_ERR_INVALID');
  t.match((await vnet('links --jsn')).err, /error: unknown option '--jsn'[\s\S]*hint: did you mean --json\?/);
  t.match((await vnet('route web')).err, /error: missing required argument 'to'\nhint: /);
  const group = await vnet('link');
  t.equal(group.code, 1);
  t.match(group.err, 'Examples:');
});

t.test('errors say what to do', async (t) => {
  const overlay = new FakeOverlay();
  overlay.daemonAway = true;
  const { code, err } = await vnet('status', { overlay });
  t.equal(code, 1);
  t.match(err, /^error: no daemon answers .*\nhint: .*`vnet up SCRIPT` or `vnetd` starts a daemon/);
  t.strictSame(bodyOf((await vnet('status --json', { overlay })).err), {
    code: 'VNET_ERR_UNREACHABLE',
    message: 'no daemon answers on /run/vnet/vnetd.sock',
  });
  overlay.daemonAway = false;
  overlay.local = () => Promise.reject(new Error('surprise'));
  t.match((await vnet('links', { overlay })).err, 'error: surprise');
});

t.test('which daemon is asked', async (t) => {
  t.strictSame((await vnet('links')).sockets, ['/run/vnet/vnetd.sock']);
  t.strictSame((await vnet('links', { env: { VNET_SOCKET: '/tmp/x.sock' } })).sockets, ['/tmp/x.sock']);
  const named = await vnet('links --socket /tmp/y.sock', { env: { VNET_SOCKET: '/tmp/x.sock' } });
  t.strictSame(named.sockets, ['/tmp/y.sock']);
  t.equal(named.overlay.closed, 1, 'the connection is closed');
  t.match((await vnet('links --host b')).out, /home[\s\S]*a /);
  t.match((await vnet('links --host c')).err, 'error: c is away');
});

t.test('status', async (t) => {
  const { code, out } = await vnet('status');
  t.equal(code, 0);
  t.match(out, 'links and control are not sealed yet');
  t.match(out, /NETWORK +ID +MTU +EPOCH/);
  t.match(out, /lab +\d+ +1500 +4/);
  t.match(out, 'Links  2 up, 0 down');
  t.match(out, 'guard 12, noMatch 1');
  t.match(out, /Reserved\n +udp -> b 50M +held +HTB on eth0\n +cpu web 20ms of 100ms +failed +no room\n/);
  t.match(out, /c +host +away +2026-01-02 03:04:05/);
  t.match(out, /a +host +ready .* web\n/);
  t.match(out, '2 VMs, 1 address learnt');
  t.match(out, 'Suspended: route web → cache: cache moved to c');
  const proxy = await vnet('status --host home');
  t.match(proxy.out, '1 down');
  t.match(proxy.out, 'tcp to c  waiting for c');
  const { local, overlay } = JSON.parse((await vnet('status --json')).out);
  t.equal(local.host, 'a');
  t.equal(overlay.revision, 7);
  const alone = new FakeOverlay();
  alone.proxyAway = true;
  t.match((await vnet('status', { overlay: alone })).out, 'The Proxy is away');
  t.equal(JSON.parse((await vnet('status --json', { overlay: alone })).out).overlay, null);
});

t.test('links, rules, ports, interfaces, vms', async (t) => {
  const links = await vnet('links');
  t.match(links.out, /^PEER +TYPE +STATE +RTT/);
  t.match(links.out, /\nb +udp +up +800 us +1472 /);
  t.strictSame(JSON.parse((await vnet('links --json')).out), links.overlay.views['a']?.links);
  const rules = await vnet('rules');
  t.match(rules.out, new RegExp(`lab +web ${WEB} +db ${DB} +via edge b +route +user`));
  t.match(rules.out, /any +db .*via edge home +auto/);
  t.equal(JSON.parse((await vnet('rules --json --for web')).out).length, 1);
  t.match((await vnet('rules --for wbe')).err, /no VM is called "wbe"\nhint: did you mean web\?/);
  const ports = await vnet('ports');
  t.match(ports.out, new RegExp(`tap:web0 +lab +vm +up .*web ${WEB}`));
  t.match(ports.out, `admit it: vnet vm add NAME on a mac ${STRANGER} port tap:web0`);
  t.match((await vnet('interfaces')).out, /eth0 +up .*packet:eth0 +10.0.1.1\/24/);
  const vms = await vnet('vms');
  t.match(vms.out, new RegExp(`db +lab +${DB} +b +packet:vnet7 +user +pinned`));
  t.match(vms.out, 'learnt');
  t.match(vms.out, `not admitted: ${STRANGER} at tap:web0 on a`);
  t.strictSame(
    JSON.parse((await vnet('vms --host b --json')).out).map((vm: { name: string }) => vm.name),
    ['db'],
  );
  for (const verb of ['links', 'rules', 'ports']) {
    const bare = new FakeOverlay();
    bare.proxyAway = true;
    t.equal((await vnet(verb, { overlay: bare })).code, 0, `${verb} works while the Proxy is away`);
  }
});

t.test('map draws hosts, links and VMs; what is down is on it', async (t) => {
  const { out } = await vnet('map');
  t.match(out, /^home {2}Proxy {2}ready\n/);
  t.match(out, /├─ ── tcp 20\.3 ms ── {2}a {2}ready\n│ +└─ web/);
  t.match(out, /└─ ╌╌ tcp down ╌╌ +c {2}away/);
  t.match(out, /On top of the star\n {2}a ── udp 800 us ── b/);
  t.match(
    (await vnet('map', { env: {} })).out,
    '|- -- tcp 20.3 ms --',
    'ASCII where the locale is not UTF-8',
  );
  t.strictSame(Object.keys(JSON.parse((await vnet('map --json')).out)), ['overlay', 'hosts']);
});

t.test('show prints what apply takes', async (t) => {
  const { out } = await vnet('show');
  t.match(out, 'link udp a b');
  const again = await vnet('diff -', { files: { '-': out } });
  t.equal(again.code, 0, again.out + again.err);
  const paper = await vnet('show --paper');
  t.match(paper.out, /^BEGIN[\s\S]*END\n$/);
  t.match(paper.err, /^The paper's form cannot say:\n[\s\S]*vm web/, 'and not on standard output');
  t.match((await vnet('vms --host bb')).err, /no host is called "bb"/);
  t.strictSame(JSON.parse((await vnet('show --json')).out), labTopology());
});

t.test('route tells the way and the reasons', async (t) => {
  const { code, out } = await vnet('route web db');
  t.equal(code, 0);
  t.match(out, `web ${WEB}  →  db ${DB}   network lab`);
  t.match(
    out,
    /1 {2}a\n.*rule +from web to db via edge b {2}route, user\n.*why +its source matches exactly, stronger than "from any to db via edge home"/,
  );
  t.match(out, /over +from any to db via edge home {2}auto, auto\n/);
  t.match(out, /→ +b {3}udp up 800 us/);
  t.match(out, /2 {2}b\n[\s\S]*→ +port packet:vnet7/);
  t.match(out, 'Delivered over 1 edge, round trips add up to 800 us.');
  t.equal((await vnet('route 02-00-00-00-00-01 2:0:0:0:0:2')).out, out, 'any form of an address will do');
  const overlay = new FakeOverlay();
  const { hops, ...rest } = overlay.routes['web db'] as NonNullable<(typeof overlay.routes)[string]>;
  const dropped: RouteHop = {
    host: 'a',
    verdict: 'drop',
    to: 'noMatch',
    ground: false,
    why: 'no rule matches',
    others: [],
  };
  overlay.routes['web db'] = { ...rest, delivered: false, hops: [dropped] };
  const lost = await vnet('route web db', { overlay });
  t.equal(lost.code, 1);
  t.match(lost.out, 'Not delivered: a drops it (noMatch).');
  t.equal(JSON.parse((await vnet('route web db --json', { overlay })).out).delivered, false);
  t.match((await vnet('route web dbb')).err, 'did you mean db?');
  t.match((await vnet('route web 02:00:00')).err, 'is not an Ethernet address');
  t.equal(hops.length, 2);
});

t.test('events', async (t) => {
  const overlay = new FakeOverlay();
  const at = '2026-01-02T03:04:05.678Z';
  overlay.emitted = [
    { at, kind: 'host', host: 'c', phase: 'ready' },
    { at, kind: 'link', host: 'a', peer: 'b', type: 'udp', up: false, reason: 'no keep-alive for 1 s' },
    { at, kind: 'port', host: 'a', port: 'tap:web0', up: true, reason: 'carrier' },
    { at, kind: 'source', host: 'a', port: 'tap:web0', mac: STRANGER, admitted: false },
    { at, kind: 'vm', name: 'web', change: 'moved', host: 'b' },
    { at, kind: 'change', revision: 8, steps: 1 },
    { at, kind: 'tree', network: 'lab', fallen: true, edges: [['a', 'b']] },
    { at, kind: 'topology', network: 'lab', serial: 2, state: 'settled', text: 'ring of 4' },
    {
      at,
      kind: 'error',
      host: 'b',
      error: new VnetError('VNET_ERR_PRIVILEGE', 'cannot open tap0', { hint: 'run as root' }).toBody(),
    },
  ];
  const { out } = await vnet('events', { overlay });
  t.match(out, /2026-01-02 03:04:05 {2}host +c ready\n.*udp a ↔ b down {2}no keep-alive/);
  t.match(
    out,
    /refused\n.*web moved to b\n.*revision 8, 1 step\n.*group frames take the star {2}no live link: a ↔ b\n.*traffic lab ring of 4\n.*cannot open tap0 {2}run as root\n$/,
  );
  const lines = (await vnet('events --json --kind vm', { overlay })).out.trim().split('\n');
  t.strictSame(
    lines.map((line) => JSON.parse(line).kind),
    ['vm'],
  );
});

t.test('completion lists every verb, in every shell', async (t) => {
  const verbs = buildProgram(fakeContext(new FakeOverlay()).context).commands.map((command) =>
    command.name(),
  );
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, out } = await vnet(`completion ${shell}`);
    t.equal(code, 0);
    for (const verb of verbs) t.match(out, new RegExp(`\\b${verb}\\b`), `${shell} ${verb}`);
    t.match(out, '--json'.slice(shell === 'fish' ? 2 : 0));
  }
  const { out: script } = await vnet('completion bash');
  const completed = (words: string): string =>
    execFileSync(
      'bash',
      [
        '-c',
        `${script}\nvnet() { echo web; }\nCOMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _vnet; echo "\${COMPREPLY[*]}"`,
      ],
      { encoding: 'utf8' },
    );
  t.equal(completed('vnet interf'), 'interfaces\n');
  t.equal(completed('vnet --socket /x li'), 'links link\n');
  t.equal(completed('vnet link d'), 'delete\n');
  t.equal(completed('vnet adapt hi'), 'history\n');
  t.equal(completed('vnet ping w'), 'web\n');
  t.match((await vnet('completion names')).out, /^home\na\nb\nc\nweb\ndb\n/);
  t.match((await vnet('completion tcsh')).err, 'bash, zsh or fish');
});

t.test('a narrow terminal shortens, a pipe never does', async (t) => {
  const fake = fakeContext(new FakeOverlay(), {}, { tty: true });
  const narrow = {
    ...fake.context,
    stdout: { ...fake.context.stdout, columns: 60 },
    env: { NO_COLOR: '1', LANG: 'C.UTF-8' },
  };
  await runCli(['rules'], narrow);
  const lines = fake.heard.out.trimEnd().split('\n');
  t.ok(
    lines.every((line) => [...line].length <= 64),
    lines.join('\n'),
  );
  t.match(fake.heard.out, '…');
  t.notMatch((await vnet('rules')).out, '…');
});
