import t from 'tap';
import type { InterfaceView, PortView } from '../core/index.js';
import { LinkInterfaces, sourceAddress, tellSharedPorts } from './link-interfaces.js';

const face = (name: string, ...addresses: string[]): InterfaceView => ({
  name,
  addresses,
  up: true,
  usableAs: ['packet'],
});

const port = (name: string, up = true): PortView => ({
  port: name,
  network: 'lab',
  role: 'lan',
  owner: 'user',
  up,
  state: up ? 'up' : 'no such device',
  macs: [],
  refused: [],
  inFrames: 0,
  inBytes: 0,
  outFrames: 0,
  outBytes: 0,
  drops: 0,
});

t.test('the kernel says which address a link leaves from', async (t) => {
  t.equal(await sourceAddress('127.0.0.9'), '127.0.0.1');
  t.equal(await sourceAddress('not an address'), undefined);
});

t.test('interfaces that links use are marked', async (t) => {
  let now = 0;
  const links = new LinkInterfaces(() => now);
  const faces = [
    face('lo', '127.0.0.1/8'),
    face('eth0', '127.0.0.1/8', '::1/128'),
    face('eth1', '192.0.2.1/24'),
  ];
  const marked = async (listen: string, ...remotes: string[]): Promise<(string | undefined)[]> =>
    (await links.mark(faces, listen, remotes)).map(({ linksFrom }) => linksFrom);
  t.same(await marked('0.0.0.0'), [undefined, undefined, undefined], 'no links: nothing is known');
  t.same(await marked('192.0.2.1'), [undefined, undefined, '192.0.2.1'], 'where the daemon listens');
  t.same(
    await marked('::', '127.0.0.5:7700'),
    [undefined, '127.0.0.1', undefined],
    'the loopback itself is none',
  );
  now = 1e6;
  t.same(await marked('::', '127.0.0.5:7700', 'a.example:7700', ''), [undefined, '127.0.0.1', undefined]);
});

t.test('only a live packet port on such an interface says so', (t) => {
  const faces = [{ ...face('eth0', '10.0.0.1/24'), linksFrom: '10.0.0.1' }, face('eth1')];
  const ports = ['packet:eth0', 'packet:eth1', 'bridge:eth0', 'tap:eth0'].map((name) => port(name));
  t.same(
    tellSharedPorts([...ports, port('packet:eth0', false)], faces).map(({ state }) => state),
    ["up; this host's links use the interface too (10.0.0.1)", 'up', 'up', 'up', 'no such device'],
  );
  t.end();
});
