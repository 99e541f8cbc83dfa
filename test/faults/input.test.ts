/** Bytes that no daemon sends, requests that no client makes, and starts that cannot be: errors, and a daemon that lives. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { connectControl, type ErrorBody, emptyChange, type MacAddress, VnetError } from '../../core/index.js';
import { DAEMON_COMMAND, OverlayLab, parseLab } from '../../lab/index.js';
import { directly, labName, needNamespaces, pings, reaches } from '../namespaces/index.js';
import { GARBAGE_PROGRAM } from './garbage.js';

const skip = needNamespaces();
const DATA_PORT = '7700';
const CONTROL_PORT = '7701';
const DATAGRAMS = '3000';
const START_TIMEOUT_MS = 10_000;

const LAB = `
underlay 10.77.0.0/24
host home
host a
host b
vm a1 on a mac 02:00:00:00:0a:01 ip 10.9.0.11/24
vm b1 on b mac 02:00:00:00:0b:01 ip 10.9.0.21/24
`;

t.test('bad input', { skip }, async (t) => {
  const overlay = await OverlayLab.make(parseLab(LAB), { name: labName('i') });
  t.teardown(() => overlay.close());
  const client = overlay.client();
  const base = { ...overlay.topology(), links: [{ type: 'udp' as const, a: 'a', b: 'b' }] };
  await client.apply({ kind: 'target', topology: base });
  await overlay.whole();
  await directly(overlay, 'a', 'b', 'udp');
  const home = overlay.lab.host('home').address;
  const garbage = (host: string, ...args: string[]) =>
    overlay.lab.host(host).run([process.execPath, GARBAGE_PROGRAM, ...args]);
  const drops = async (host: string) => (await overlay.client(host).local()).drops;
  const counted = async (host: string) => {
    const found = await drops(host);
    return (found['malformed'] ?? 0) + (found['unknownPeer'] ?? 0) + (found['handshake'] ?? 0);
  };
  /** All links of a daemon, with how often it was asked to make them again. */
  const upLinks = async (host: string) =>
    (await overlay.client(host).local()).links
      .filter(({ up }) => up)
      .map(({ peer, type }) => `${type} ${peer}`)
      .sort();
  const stillWell = async (t: Test) => {
    t.same(await upLinks('home'), ['tcp a', 'tcp b'], 'its links stand');
    t.equal((await pings(overlay, 'a1', '10.9.0.21')).received, 3, 'frames go on');
  };

  /** A daemon of b that the lab does not know, for as long as `look` looks. */
  const runAs = async (more: string[], prefix: string[], look: () => Promise<void>) => {
    const child = overlay.lab
      .host('b')
      .spawn(
        [
          ...prefix,
          ...DAEMON_COMMAND,
          ...[
            '--name',
            'b',
            '--listen',
            `${overlay.lab.host('b').address}:${DATA_PORT}`,
            '--proxy',
            `${home}:${DATA_PORT}`,
          ],
          ...['--state', join(overlay.directory, 'b'), '--socket', overlay.socket('b')],
          ...['--token-file', join(overlay.directory, 'token'), ...more],
        ],
        { stdio: 'ignore' },
      );
    const ended = new Promise((resolve) => child.once('close', resolve));
    try {
      await look();
    } finally {
      child.kill('SIGTERM');
      await ended;
    }
  };

  await t.test('random datagrams at the data port', async (t) => {
    const before = await counted('home');
    t.equal((await garbage('a', 'udp', home, DATA_PORT, DATAGRAMS, '1')).code, 0);
    await overlay.until(
      'most of them counted',
      async () => (await counted('home')) - before > Number(DATAGRAMS) / 2,
    );
    const { malformed = 0, unknownPeer = 0 } = await drops('home');
    t.ok(malformed > 0 && unknownPeer > 0, 'by what was wrong with them');
    await stillWell(t);
  });

  await t.test('random datagrams from the very address of a link’s peer', async (t) => {
    const address = overlay.lab.host('a').address;
    await overlay.stop('b', 'SIGKILL');
    const before = await counted('a');
    await overlay.until('the link down, whatever comes from there', async () => {
      t.equal((await garbage('b', 'udp', address, DATA_PORT, DATAGRAMS, '2', DATA_PORT)).code, 0);
      return !(await upLinks('a')).includes('udp b');
    });
    t.equal((await garbage('b', 'udp', address, DATA_PORT, DATAGRAMS, '5', DATA_PORT)).code, 0);
    t.ok((await counted('a')) - before > Number(DATAGRAMS) / 2, 'they are counted');
    t.notOk((await upLinks('a')).includes('udp b'), 'and make no link');
    await overlay.start('b');
    await overlay.whole();
    await directly(overlay, 'a', 'b', 'udp');
    await reaches(overlay, 'a1', '10.9.0.21');
  });

  await t.test('random octets at the data port, over TCP', async (t) => {
    const before = await counted('home');
    for (const seed of ['3', '4']) t.equal((await garbage('a', 'tcp', home, DATA_PORT, seed)).code, 0);
    t.ok((await counted('home')) > before, 'counted');
    await stillWell(t);
  });

  await t.test('no proper requests at the control channel', async (t) => {
    const { stdout, code } = await garbage('a', 'http', home, CONTROL_PORT);
    t.equal(code, 0);
    const answers = JSON.parse(stdout) as Record<string, string>;
    t.match(answers['garbage'], /^HTTP\/1.1 400/);
    t.match(answers['plain'], /^HTTP\/1.1 426/);
    t.match(answers['path'], /^HTTP\/1.1 404/);
    t.match(answers['bare'], /^HTTP\/1.1 401/);
    t.match(answers['token'], /^HTTP\/1.1 401/);
    t.match(answers['headers'], /^HTTP\/1.1 431/);
    t.match(answers['endless'], /^HTTP\/1.1 426/);
    t.equal(answers['silent'], 'closed', 'who says nothing is not listened to for ever');
    t.equal((await garbage('a', 'tcp', home, CONTROL_PORT, '6')).code, 0);
    await stillWell(t);
  });

  await t.test('wrong requests at the control API', async (t) => {
    const socketPath = overlay.socket('a');
    const agent = new Agent({ keepAlive: false });
    const ask = (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
      new Promise<{ status: number; body: ErrorBody }>((resolve, reject) => {
        const call = request({
          agent,
          socketPath,
          method,
          path,
          headers: { 'content-type': 'application/json', ...headers },
        });
        call.on('error', reject);
        call.on('response', (response) => {
          let text = '';
          response.on('data', (data: Buffer) => (text += data.toString()));
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as ErrorBody }),
          );
        });
        call.end(body);
      });
    const link = JSON.stringify({ type: 'udp', a: 'a', b: 'a' });
    const cases: [string, number, Promise<{ status: number; body: ErrorBody }>][] = [
      ['no JSON', 400, ask('POST', '/v1/links', '{"type":')],
      ['an empty body', 400, ask('POST', '/v1/links')],
      ['another type', 400, ask('POST', '/v1/links', '[1,2,3]')],
      ['a missing field', 400, ask('POST', '/v1/links', '{"type":"udp","a":"a"}')],
      ['a field too many', 400, ask('POST', '/v1/links', '{"type":"udp","a":"a","b":"b","c":1}')],
      ['a link to oneself', 400, ask('POST', '/v1/links', link)],
      ['an unknown host', 400, ask('POST', '/v1/links', '{"type":"udp","a":"a","b":"zz"}')],
      ['a wrong MAC', 400, ask('POST', '/v1/rules', rule('02:00:00:00:zz:01'))],
      ['a name with a slash', 400, ask('POST', '/v1/links', '{"type":"udp","a":"a","b":"../b"}')],
      ['another method', 404, ask('PATCH', '/v1/links', '{}')],
      ['another path', 404, ask('GET', '/v1/../etc/passwd')],
      ['another content', 400, ask('POST', '/v1/links', 'a', { 'content-type': 'text/plain' })],
      ['half a query', 400, ask('GET', '/v1/route?from=a1')],
      ['an unknown VM', 404, ask('GET', '/v1/route?from=a1&to=nobody')],
      ['an unknown host', 404, ask('GET', '/v1/hosts/zz')],
      ['a bad bound', 400, ask('PUT', '/v1/configuration-time', '{"boundMs":-1}')],
      [
        'a body beyond all measure',
        400,
        ask('POST', '/v1/changes', '{', { 'content-length': '99999999999' }),
      ],
    ];
    for (const [what, status, answer] of cases) {
      const { status: got, body } = await answer;
      t.equal(got, status, `${what}: ${body.message}`);
      t.match(body, { code: /^VNET_ERR_/, message: /./, hint: /./ }, what);
    }
    t.match(await rawAnswer(socketPath, 'no HTTP\r\n\r\n'), /400 Bad Request[\s\S]*VNET_ERR_INVALID/);
    t.match(
      await rawAnswer(socketPath, `GET /v1/local HTTP/1.1\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`),
      / 431 /,
    );
    t.equal((await client.overview()).topology.links.length, 1, 'nothing of it was done');
    await stillWell(t);
  });

  await t.test('ports that cannot be', async (t) => {
    await overlay.lab
      .host('a')
      .run(['ip', 'link', 'add', 'plain0', 'type', 'veth', 'peer', 'name', 'plain1']);
    const before = JSON.stringify((await client.overview()).topology);
    const revisions = async () =>
      (await client.overview()).hosts.map(({ name, phase }) => `${name} ${phase}`);
    const phases = await revisions();
    const attach = async (port: string): Promise<VnetError> => {
      const change = emptyChange();
      const macs = ['02:00:00:00:0a:77' as MacAddress];
      change.add.vms.push({ name: 'x1', network: 'lab', host: 'a', macs, port });
      change.add.links.push({ type: 'tcp', a: 'a', b: 'b' });
      return client.apply({ kind: 'change', change }).then(
        () => new VnetError('VNET_ERR_INTERNAL', `${port} was taken`),
        (thrown: unknown) => VnetError.from(thrown),
      );
    };
    const cases: [string, string, RegExp][] = [
      ['packet:missing0', 'VNET_ERR_NOT_FOUND', /missing0/],
      ['bridge:missing0', 'VNET_ERR_NOT_FOUND', /missing0/],
      ['bridge:plain0', 'VNET_ERR_INVALID', /not a bridge/],
      ['tap:plain0', 'VNET_ERR_(EXISTS|INVALID)', /plain0/],
      ['tap:name-that-is-too-long', 'VNET_ERR_INVALID', /name/],
      ['pcap:plain0', 'VNET_ERR_(INVALID|UNSUPPORTED)', /pcap/],
      ['unix:/nowhere/at/all/vm.sock', 'VNET_ERR_NOT_FOUND', /nowhere/],
    ];
    for (const [port, code, message] of cases) {
      const error = await attach(port);
      t.match(error.code, new RegExp(`^${code}$`), `${port}: ${error.message}`);
      t.match(error.message, message);
      t.ok(error.hint, `${port}: says what to do`);
    }
    t.equal(JSON.stringify((await client.overview()).topology), before, 'the intent is what it was');
    t.same(await upLinks('a'), ['tcp home', 'udp b'], 'and nothing else of the change was done');
    t.same(await revisions(), phases, 'all hosts are there');
    await stillWell(t);
  });

  await t.test('daemons that cannot start', async (t) => {
    const directory = join(overlay.directory, 'starts');
    mkdirSync(directory);
    const token = join(overlay.directory, 'token');
    const open = join(directory, 'open-token');
    writeFileSync(open, 'a'.repeat(64), { mode: 0o644 });
    chmodSync(open, 0o644);
    const damaged = join(directory, 'damaged');
    mkdirSync(damaged);
    writeFileSync(join(damaged, 'config.0.json'), '{"config":{"host":"x","rev');
    const address = overlay.lab.host('a').address;
    const usual: Record<string, string> = {
      '--name': 'x',
      '--listen': `${address}:7800`,
      '--proxy': `${home}:${DATA_PORT}`,
      '--state': join(directory, 'state'),
      '--socket': join(directory, 'x.sock'),
      '--token-file': token,
    };
    const start = async (changed: Record<string, string>, prefix: string[] = []) => {
      const options = Object.entries({ ...usual, ...changed }).filter(([, value]) => value !== '');
      return overlay.lab
        .host('a')
        .run([...prefix, ...DAEMON_COMMAND, ...options.flat()], { timeoutMs: START_TIMEOUT_MS });
    };
    const cases: [string, Record<string, string>, RegExp][] = [
      ['the socket of another daemon', { '--socket': overlay.socket('a') }, /another daemon serves/],
      ['the port of another daemon', { '--listen': `${address}:${DATA_PORT}` }, /7700/],
      ['an address of another machine', { '--listen': '192.0.2.1:7800' }, /192\.0\.2\.1/],
      ['a missing token', { '--token-file': join(directory, 'none') }, /no token at/],
      ['a token that all can read', { '--token-file': open }, /can be read by others \(mode 644\)/],
      ['no Proxy', { '--proxy': '' }, /needs to know its Proxy/],
      ['a public Proxy', { '--proxy': '198.51.100.1:7700' }, /not a private address/],
      ['a damaged state', { '--state': damaged }, /config.* damaged/],
      ['a state directory that is a file', { '--state': join(open, 'state') }, /state directory/],
    ];
    for (const [what, changed, message] of cases) {
      const { code, stderr } = await start(changed);
      t.equal(code, 1, `${what}: ${stderr}`);
      t.match(stderr, message, what);
      t.match(stderr, /^hint: ./m, `${what}: says what to do`);
    }
    const proxy = await start({ '--role': 'proxy', '--listen': `${address}:7699`, '--proxy': '' });
    t.equal(proxy.code, 1, 'the control port of a Proxy is taken');
    t.match(proxy.stderr, /cannot listen for daemons on .* port 7700[\s\S]*hint: /);

    const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const nobody = await start({}, asNobody);
    t.equal(nobody.code, 1, 'a user without rights');
    t.match(nobody.stderr, /(state directory|token)[\s\S]*hint: /);
    await stillWell(t);
    t.equal(
      (await overlay.client('a').local()).host,
      'a',
      'the daemon that was there still serves its socket',
    );
  });

  await t.test('a daemon with another token waits and says why', async (t) => {
    await overlay.stop('b', 'SIGTERM');
    const token = join(overlay.directory, 'other-token');
    writeFileSync(token, 'f'.repeat(64), { mode: 0o600 });
    const observer = connectControl(overlay.socket('b'));
    await runAs(['--token-file', token], [], async () => {
      const state = async () => (await observer.local().catch(() => undefined))?.proxy.state;
      await overlay.until('b told', async () =>
        /refuses our token: use the file/.test((await state()) ?? ''),
      );
    });
    observer.close();
    t.equal((await client.overview()).hosts.find(({ name }) => name === 'b')?.phase !== 'ready', true);
  });

  await t.test('a second daemon of the same name is told so, and the first goes on', async (t) => {
    await overlay.start('b');
    await overlay.whole();
    const twin = connectControl(join(overlay.directory, 'twin.sock'));
    const other = [
      '--listen',
      `${overlay.lab.host('b').address}:7800`,
      '--state',
      join(overlay.directory, 'twin'),
    ];
    await runAs([...other, '--socket', join(overlay.directory, 'twin.sock')], [], async () => {
      const state = async () => (await twin.local().catch(() => undefined))?.proxy.state;
      await overlay.until('it told', async () =>
        /name b is taken by another daemon/.test((await state()) ?? ''),
      );
      t.equal((await pings(overlay, 'a1', '10.9.0.21')).received, 3);
      t.same((await twin.local()).links, [], 'it got no part of the overlay');
      t.same(
        (await client.hostView('b')).ports.map(({ port, up }) => `${port} ${up}`),
        ['packet:b10 true'],
      );
    });
    twin.close();
    await overlay.stop('b', 'SIGTERM');
  });

  await t.test('a daemon that may not open ports says which right it lacks', async (t) => {
    const unprivileged = ['setpriv', '--bounding-set=-net_raw,-net_admin', '--inh-caps=-net_raw,-net_admin'];
    await runAs([], unprivileged, async () => {
      const { ports } = await overlay.until('b at the Proxy', async () =>
        client.hostView('b').catch(() => undefined),
      );
      t.match(ports, [{ port: 'packet:b10', up: false, state: /b10: .*not permitted.*(root|CAP_NET_RAW)/ }]);
    });
    await overlay.start('b');
    await overlay.whole();
    await reaches(overlay, 'b1', '10.9.0.11');
  });
});

function rule(mac: string): string {
  return JSON.stringify({
    network: 'lab',
    host: 'a',
    source: { kind: 'any' },
    destination: { kind: 'exact', mac },
    actions: [{ kind: 'drop' }],
  });
}

/** What comes back on a socket before it closes. */
function rawAnswer(path: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(path, () => socket.write(text));
    socket.on('data', (data: Buffer) => {
      answer += data.toString('latin1');
    });
    socket.on('error', () => resolve(answer));
    socket.on('close', () => resolve(answer));
  });
}
