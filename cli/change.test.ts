import t from 'tap';
import { type ChangeRequest, VnetError } from '../core/index.js';
import { FakeOverlay, labTopology, STRANGER, WEB } from './fake-overlay.js';
import { bodyOf, fakeContext, SCRIPT, vnet } from './fake-world.js';
import { runCli } from './index.js';

t.test('check', async (t) => {
  const files = { 'good.vnet': SCRIPT.replace('host c\n', '') };
  const good = await vnet('check good.vnet', { files });
  t.strictSame([good.code, good.out, good.err], [0, '', '']);
  const warned = await vnet('check lab.vnet');
  t.equal(warned.code, 0, 'a warning is no error');
  t.match(warned.err, /^warning\[idle-host\]: host "c" carries nothing[\s\S]*lab\.vnet:5:6/);
  t.match(JSON.parse((await vnet('check --json lab.vnet')).out), [{ severity: 'warning', line: 5 }]);
  const bad = await vnet('check lab.vnet bad.vnet');
  t.equal(bad.code, 1);
  t.match(bad.err, 'bad.vnet:4:');
  t.match(bad.err, '1 error');
  const [diagnostic] = JSON.parse((await vnet('check --json bad.vnet')).out);
  t.match(diagnostic, { file: 'bad.vnet', line: 4, severity: 'error' });
  t.match((await vnet('check gone.vnet')).err, 'error: cannot read gone.vnet: there is no such file');
  t.equal(bad.sockets.length, 0, 'no daemon is needed');
});

t.test('a file of another kind gets one short error', async (t) => {
  const files = {
    'wan.lab':
      'underlay 10.77.0.0/24\nhost home\nhost a\npair a home delay 20ms\nvm web on a ip 10.0.0.1/24\n',
    'vnet.bin': `\u007fELF\u0002\u0001\0\0${'\ufffd\0'.repeat(500)}`,
    'frame.pcap': '\ufffd\ufffd\u0002\0\n'.repeat(50),
    'net.json': '{ "hosts": [ "a" ] }\n',
    'notes.md': `Our network\n\nThere are hosts.\n${'They talk a lot, all day.\n'.repeat(10)}link to us\n`,
    'typo.vnet': 'hots a\nproxi p\nvm x on a\nlonk udp a b\nruote x y\nlnk a b\n',
    'wrap.vnet': 'proxy p\ninclude "wan.lab"\n',
  };
  const seems: Record<string, string> = {
    'wan.lab':
      'a lab file\nhint: `vnet lab up wan.lab` makes the lab; a script says what runs in it, `vnet show` prints one',
    'vnet.bin': 'a program (ELF)\nhint: a script is text such as',
    'frame.pcap': 'a binary file\n',
    'net.json': 'JSON\n',
    'notes.md': 'another kind of text: hardly a line of it begins a statement\n',
  };
  for (const [file, what] of Object.entries(seems)) {
    for (const verb of ['check', 'diff', 'apply --yes']) {
      const { code, err } = await vnet(`${verb} ${file}`, { files });
      t.equal(code, 1);
      t.match(err, `error: ${file} is no topology script; it seems to be ${what}`);
      t.equal(err.split('\n').length, 3, 'an error, a hint');
    }
  }
  const several = await vnet('check lab.vnet net.json', { files });
  t.match(several.err, /net\.json is no topology script; it seems to be JSON \(a script is .*\)\n1 error\n$/);
  t.match(
    (await vnet('check typo.vnet', { files })).err,
    /did you mean "host"[\s\S]*did you mean "link"/,
    'mistakes are mistakes',
  );
  const long = `proxy p\nhost a\nmesh udp p a\n${'  x1\n'.repeat(100)}`;
  t.match((await vnet('check long.vnet', { files: { 'long.vnet': long } })).err, 'there is no host "x1"');
  t.match((await vnet('check wrap.vnet', { files })).err, 'cannot read "wan.lab": it seems to be a lab file');
});

t.test('diff: a plan, and exit codes like terraform', async (t) => {
  const none = await vnet('diff lab.vnet');
  t.equal(none.code, 0, none.out + none.err);
  t.match(none.out, 'No changes.');
  const files = { 'new.vnet': `${SCRIPT.replace('link udp a b\n', 'link tcp a b\n')}link udp b c\n` };
  const some = await vnet('diff new.vnet', { files });
  t.equal(some.code, 2);
  t.match(some.out, /- link udp a b[\s\S]*\+ link tcp a b[\s\S]*\+ link udp b c/);
  t.match(some.out, 'Plan: 2 to add, 0 to change, 1 to remove.');
  t.match(some.out, /ON HOST +LINKS +RULES\na +\+1 +\+4 -2/);
  t.equal(some.overlay.requests.length, 0, 'nothing is applied');
  const json = await vnet('diff --json new.vnet', { files });
  t.equal(json.code, 2);
  t.equal(JSON.parse(json.out).steps.length, 3);
  const bad = await vnet('diff bad.vnet');
  t.equal(bad.code, 1);
  t.match(bad.err, /bad\.vnet:4:[\s\S]*error: 1 error in the script; nothing was changed/);
  const body = bodyOf((await vnet('diff --json bad.vnet')).err);
  t.match(body, { code: 'VNET_ERR_SCRIPT', details: [{ line: 4 }] });
});

t.test('warnings stand beside the plan and never block', async (t) => {
  const overlay = new FakeOverlay();
  const overview = overlay.overview.bind(overlay);
  overlay.overview = async () => {
    const view = await overview();
    return { ...view, vms: view.vms.map((vm) => (vm.name === 'web' ? { ...vm, host: 'c' } : vm)) };
  };
  const files = { 'new.vnet': `${SCRIPT}port packet:eth0 on a lan\n` };
  const diff = await vnet('diff new.vnet', { overlay, files });
  t.equal(diff.code, 2, 'changes, whatever the warnings');
  t.match(diff.err, /warning\[idle-host\]: host "c"[\s\S]*new\.vnet:5:6/, 'of the language');
  t.match(diff.err, 'route web <-> db is suspended: VM "web" was moved to "c"', 'of where VMs are now');
  t.match(
    diff.err,
    /port "packet:eth0" of "a" is on the interface that its links use \(10\.0\.1\.1\)[\s\S]*--> new.vnet\n/,
  );
  const codes = (text: string) => JSON.parse(text).warnings.map(({ code }: { code: string }) => code);
  const expected = ['idle-host', 'route-suspended', 'port-with-links'];
  const json = await vnet('diff --json new.vnet', { overlay, files });
  t.strictSame([codes(json.out), json.err], [expected, '']);
  const applied = await vnet('apply --yes --json new.vnet', { overlay, files });
  t.strictSame([applied.code, codes(applied.out), applied.err], [0, expected, '']);
  const again = await vnet('diff --json new.vnet', { overlay, files });
  t.strictSame(codes(again.out), expected.slice(0, 2), 'the port is there already');
  const one = await vnet('port add bridge:br0 on home lan', { overlay });
  t.equal(one.code, 0);
  t.match(one.err, /^warning\[two-lans\][\s\S]*1 \| port bridge:br0 on home lan/);
  t.notMatch(one.err, 'idle-host', 'what was there before is not warned of again');
});

t.test('a port on the interface of the links is marked', async (t) => {
  const overlay = new FakeOverlay();
  const view = overlay.views['a'];
  if (!view) return t.fail();
  const state = "up; this host's links use the interface too (10.0.1.1)";
  view.ports = view.ports.map((port) => ({ ...port, port: 'packet:eth0', state }));
  view.interfaces = view.interfaces.map((each) => ({ ...each, linksFrom: '10.0.1.1' }));
  t.match((await vnet('ports', { overlay })).out, `packet:eth0  lab      vm    ${state}`);
  t.match((await vnet('status', { overlay })).out, `Ports\n  ! packet:eth0  ${state}\n`);
  t.match((await vnet('interfaces', { overlay })).out, /STATE +LINKS[\s\S]*eth0 +up +yes /);
  t.notMatch((await vnet('status')).out, /^Ports$/m, 'nothing to say of ports that are up');
});

t.test('apply shows, asks, does, says', async (t) => {
  const files = { 'new.vnet': `${SCRIPT}link udp b c\n` };
  const mute = await vnet('apply new.vnet', { files });
  t.equal(mute.code, 1, 'refused where nobody can be asked');
  t.match(mute.err, /not a terminal[\s\S]*--yes/);
  t.equal(mute.overlay.requests.length, 0);
  const no = await vnet('apply new.vnet', { files, tty: true });
  t.strictSame([no.code, no.asked.length, no.overlay.requests.length], [1, 1, 0]);
  const yes = await vnet('apply new.vnet', { files, tty: true, answer: true });
  t.equal(yes.code, 0);
  t.match(yes.err, /1\/2 prepare a[\s\S]*2\/2 done/, 'progress on the terminal');
  t.match(yes.out, /Applied\..* 1 step in 8 ms/);
  t.match(yes.overlay.requests, [{ kind: 'target', revision: 7 }]);
  const quiet = await vnet('apply -y new.vnet', { files });
  t.equal(quiet.code, 0);
  t.notMatch(quiet.err, 'prepare', 'no bar where there is no terminal');
  t.equal(JSON.parse((await vnet('apply --yes --json new.vnet', { files })).out).revision, 8);
  t.match((await vnet('apply lab.vnet')).out, 'No changes.', 'nothing to ask');
  t.equal((await vnet('apply --yes bad.vnet')).overlay.requests.length, 0);
});

t.test("a script in the paper's form that deletes is a change of what runs", async (t) => {
  const used = await vnet('apply --yes --proxy home paper.vnet');
  t.equal(used.code, 1);
  t.match(used.err, 'no link joins "a" and "b"', 'a route needs the link, so it stays');
  const overlay = new FakeOverlay();
  overlay.topology = { ...labTopology(), routes: [] };
  const { code, err } = await vnet('apply --yes --proxy home paper.vnet', { overlay });
  t.equal(code, 0, err);
  const [request] = overlay.requests as [ChangeRequest];
  t.equal(request.kind, 'change');
  t.strictSame(overlay.topology.links, [], 'the link is gone');
  t.equal(overlay.topology.vms.length, 2, 'the rest stays');
});

t.test('changes of one statement', async (t) => {
  const overlay = new FakeOverlay();
  const does = async (line: string | string[], expected: string | RegExp) => {
    const { code, out, err } = await vnet(line, { overlay });
    t.equal(code, 0, `${line}: ${err}`);
    t.match(out, expected, String(line));
  };
  await does('link add tcp b a', '+ link tcp');
  await does('link add tcp a b', 'is there already');
  await does('link delete tcp a b', '- link tcp');
  await does('vm add cache on c mac 02:00:00:00:00:03 port tap:cache0', /\+ vm cache .*on c/);
  await does('vm add cache on b mac 02:00:00:00:00:03 port tap:cache0', /vm cache .*on b/);
  t.equal(overlay.topology.vms.filter((vm) => vm.name === 'cache').length, 1, 'replaced, not doubled');
  await does('vm delete 2:0:0:0:0:3', '- vm cache');
  await does('port add bridge:br0 on home lan', '+ port bridge:br0 on home');
  await does('port delete home bridge:br0', '- port bridge:br0');
  await does('rule add on a from any to db via edge b', '+ rule on a from any to');
  await does('rule delete on a from any to db', '- rule on a');
  await does('route delete db web', '- route');
  await does(['route', 'add', 'web -> db via a b'], /\+ route .*-> /);
  await does('config-time 250', 'bound 250 ms, measured 84 ms');
  t.equal(overlay.boundMs, 250);
  t.strictSame(JSON.parse((await vnet('config-time --json', { overlay })).out), {
    boundMs: 250,
    measuredMs: 84,
  });
  t.equal(JSON.parse((await vnet('link add tcp b c --json', { overlay })).out).steps.length, 1);
});

t.test('a delete takes what is enough to tell', async (t) => {
  const overlay = new FakeOverlay();
  const says = async (line: string, code: number, expected: string | RegExp) => {
    const done = await vnet(line, { overlay });
    t.equal(done.code, code, `${line}: ${done.err}`);
    t.match(code === 0 ? done.out : done.err, expected, line);
  };
  await vnet('link add tcp a b', { overlay });
  await says(
    'link delete b a',
    1,
    /2 links join b and a\nhint: say which:\n {2}vnet link delete tcp b a\n {2}vnet link delete udp b a\n$/,
  );
  const listed = bodyOf((await vnet('link delete a b --json', { overlay })).err);
  t.match(listed, { code: 'VNET_ERR_INVALID', details: ['link tcp a b', 'link udp a b'] });
  await says('link delete tcp b a', 0, '- link tcp a b');
  await says('link delete tcp b a', 1, /over tcp\nhint: there is one over udp: `vnet link delete b a`/);
  await says('link delete b a', 0, '- link udp a b');
  await says('link delete b a', 1, /no link statement joins b and a\n/);
  await says('link delete a', 1, 'named by its two hosts');

  overlay.topology = labTopology();
  for (const port of ['bridge:br0 on home', 'bridge:br1 on home', 'bridge:br1 on b'])
    await vnet(`port add ${port} lan`, { overlay });
  await says('port delete home', 1, /2 ports fit home\n.*\n {2}vnet port delete home bridge:br0\n/);
  await says(
    'port delete br1',
    1,
    /2 ports[\s\S]*vnet port delete b bridge:br1\n {2}vnet port delete home bridge:br1\n/,
  );
  await says('port delete bridge:br1 b', 0, '- port bridge:br1 on b');
  await says('port delete br0', 0, '- port bridge:br0 on home');
  await says('port delete home', 0, '- port bridge:br1 on home');
  await says('port delete hom br0', 1, /no host is called "hom"\nhint: did you mean home/);
  await says('port delete home', 1, 'no port was added to home');

  for (const rule of [
    'on a from any to db via edge b',
    'on a from web to group via drop',
    'on b from any to group via drop',
  ])
    await vnet(`rule add ${rule}`, { overlay });
  await says(
    'rule delete on a',
    1,
    /2 rules fit "on a"[\s\S]*vnet rule delete on a from any to db\n {2}vnet rule delete on a from web to group\n/,
  );
  await says('rule delete to group', 1, '2 rules fit');
  await says(`rule delete from ${WEB}`, 0, '- rule on a from 02:00:00:00:00:01 to group');
  await says('rule delete to group', 0, '- rule on b from any to group');
  await says('rule delete to not db', 1, 'no such rule');
  await says('rule delete on a from any', 0, '- rule on a from any');
  await says('rule delete everything', 1, 'does not name a rule');

  await vnet('vm add cache on b mac 02:00:00:00:00:03 port tap:cache0', { overlay });
  await vnet(['route', 'add', 'cache -> web via b home a'], { overlay });
  await says('route delete web', 1, /2 routes begin or end at web[\s\S]*vnet route delete cache web\n/);
  await says('route delete web cache', 1, 'no route from web to cache');
  await says('route delete cache', 0, '- route cache -> web');
  await says('route delete web', 0, '- route web <-> db');
  await says('route delete web', 1, 'no route with web at an end');
  overlay.topology = labTopology();
  await says('route delete 2:0:0:0:0:2', 0, '- route web <-> db');
});

t.test('what is still needed stays', async (t) => {
  const overlay = new FakeOverlay();
  overlay.apply = () => Promise.reject(new VnetError('VNET_ERR_SCRIPT', 'no link joins "a" and "b"'));
  const { code, err } = await vnet('link delete udp a b', { overlay });
  t.equal(code, 1);
  t.match(
    err,
    'error: "link udp a b" is still needed: no link joins "a" and "b"\nhint: delete what needs it first',
  );
});

t.test('a statement belongs to a network, named where there are several', async (t) => {
  const overlay = new FakeOverlay();
  overlay.topology = { ...labTopology(), networks: [{ name: 'lab' }, { name: 'test', mtu: 1400 }] };
  const line = 'vm add web2 on a mac 02:00:00:00:00:01 port tap:web2';
  t.match((await vnet(line, { overlay })).err, 'there are several networks: lab, test');
  t.equal((await vnet(`${line} --network test`, { overlay })).code, 0);
  t.equal((await vnet('rule add on b from any to group via drop in lab', { overlay })).code, 0);
  t.match(overlay.topology, { vms: [{}, {}, { network: 'test' }], rules: [{ network: 'lab' }] });
  t.match(
    overlay.topology.networks,
    [{ name: 'lab' }, { name: 'test', mtu: 1400 }],
    'the networks stay as they were',
  );
});

t.test('bad statements change nothing', async (t) => {
  const cases: [string | string[], RegExp][] = [
    ['link add ip a b', /"ip" is no type of link\nhint: write udp or tcp/],
    ['link add udp a a', /two different hosts/],
    ['link add udp a hom', /no host is called "hom"\nhint: did you mean home\?/],
    ['link delete tcp a home', /no link statement[\s\S]*`vnet show`/],
    ['vm add x on nowhere mac 02:00:00:00:00:07', /nowhere[\s\S]*error: 1 error in the statement/],
    ['vm add x on a mac 02:00:00', /02:00:00/],
    ['vm add x on a mac 02:00:00:00:00:01', /02:00:00:00:00:01/],
    ['vm delete wbe', /did you mean web\?/],
    [`vm delete ${STRANGER}`, /ages out by itself/],
    ['port delete b packet:vnet7', /belongs to the VM db/],
    ['rule add on a from any to db via edge', /\^/],
    ['rule delete on b from any to db', /no such rule was added by hand/],
    [
      'rule add on a from any to group via edge b',
      /group-cycle[\s\S]*hint: rules that make a tree only together are added together, with `vnet apply`/,
    ],
    [['route', 'add', 'web -> db via a c'], /a.*c|c/],
    ['route delete db db', /no route from db to db/],
    ['config-time 0', /whole number from 1/],
    ['vm add y on a mac 02:00:00:00:00:08 --network other', /no network is called "other"/],
  ];
  for (const [line, expected] of cases) {
    const { code, err, overlay } = await vnet(line);
    t.equal(code, 1, String(line));
    t.match(err, expected, String(line));
    t.strictSame(overlay.topology, labTopology(), String(line));
    t.equal(overlay.requests.length, 0, String(line));
  }
});

t.test('up and down', async (t) => {
  const overlay = new FakeOverlay();
  overlay.topology = { ...labTopology(), links: [], routes: [] };
  const local = await vnet('up lab.vnet', { overlay });
  t.equal(local.code, 0, local.err);
  t.strictSame(
    local.running.map(({ host, role, socket }) => [host, role, socket]),
    [
      ['home', 'proxy', '/run/vnet/vnetd.sock'],
      ['a', 'host', '/run/vnet/a.sock'],
    ],
  );
  t.match(local.running[1]?.options, {
    proxy: '10.0.0.1:7700',
    listen: '10.0.1.1:7700',
    stateDir: '/var/lib/vnet/a',
    insecure: false,
  });
  t.match(local.out, /the Proxy home[\s\S]*Applied\.[\s\S]*Ready\.[\s\S]*vnet map/);
  const files = { 'abc.vnet': SCRIPT.replace('host c\n', '').replace('10.0.0.1', '192.0.2.1') };
  const lab = await vnet('up --lab demo lab.vnet --wait 60', { overlay: new FakeOverlay() });
  t.equal(lab.code, 1, 'c never gets ready');
  t.match(lab.out, 'Not ready after 60 ms: c (1 host).');
  t.equal(lab.running.length, 4);
  t.match(lab.running[3]?.options, {
    lab: 'demo',
    stateDir: '/var/lib/vnet/demo/c',
    socket: '/run/vnet/demo/c.sock',
  });
  const away = await vnet('up abc.vnet --as b --yes', { files, overlay: new FakeOverlay() });
  t.equal(away.code, 0, away.err);
  t.strictSame(
    away.running.map((daemon) => daemon.host),
    ['a', 'b'],
    'the Proxy is another machine',
  );
  const dead = new FakeOverlay();
  dead.daemonAway = true;
  const failed = await vnet('up lab.vnet --wait 1', { overlay: dead });
  t.equal(failed.code, 1);
  t.match(failed.err, 'the daemon of home is not ready after 1 ms');
  t.equal(failed.running.length, 0, 'what it started is stopped again');
  t.match(
    (await vnet('up n.vnet', { files: { 'n.vnet': 'proxy p at 192.0.2.9:7700\nhost q\n' } })).err,
    'no host of the script is this machine',
  );
  t.match((await vnet('down')).out, 'Nothing to stop');

  const fake = fakeContext(overlay, { 'lab.vnet': SCRIPT });
  t.equal(await runCli(['up', 'lab.vnet', '--json'], fake.context), 0);
  t.equal(JSON.parse(fake.heard.out).started.length, 2);
  t.equal(await runCli(['down', '--host', 'zzz'], fake.context), 1);
  fake.heard.out = '';
  t.equal(await runCli(['down', '--json'], fake.context), 0);
  t.strictSame(
    JSON.parse(fake.heard.out).map((daemon: { host: string }) => daemon.host),
    ['a', 'home'],
    'the Proxy last',
  );
  t.equal(fake.running.length, 0);
});
