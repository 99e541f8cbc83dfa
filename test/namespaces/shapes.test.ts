/** Shapes whose links form cycles, and two networks with the same addresses on the same daemons. */
import t, { type Test } from 'tap';
import type { MacAddress, Topology } from '../../core/index.js';
import { OverlayLab, parseLab } from '../../lab/index.js';
import { Chorus, directly, labName, needNamespaces, pings } from './index.js';

const skip = needNamespaces();
const HOSTS = ['a', 'b', 'c', 'd'];
const CALLS = 20;
const BROADCAST = '10.9.0.255';

/** Red and blue VMs of one host have the same addresses; the lab wants them different while it makes them. */
const LAB = `
underlay 10.77.0.0/24
host home
${HOSTS.map((host) => `host ${host}`).join('\n')}
${HOSTS.map((host, i) => `vm ${host}red on ${host} mac 02:00:00:00:0${host}:01 ip 10.9.0.${i + 11}/24`).join('\n')}
${HOSTS.slice(0, 2)
  .map((host, i) => `vm ${host}blue on ${host} mac 02:00:00:00:0${host}:02 ip 10.9.0.${i + 11}/24`)
  .join('\n')}
`;
const RED = HOSTS.map((host) => `${host}red`);
const BLUE = ['ablue', 'bblue'];

function twoNetworks(overlay: OverlayLab): Topology {
  const whole = overlay.topology();
  const vms = whole.vms.map((vm) => ({
    ...vm,
    network: vm.name.slice(1),
    macs: [`02:00:00:00:0${vm.host}:01` as MacAddress],
  }));
  return { ...whole, networks: [{ name: 'red' }, { name: 'blue' }], vms };
}

t.test('shapes, group frames and networks', { skip }, async (t) => {
  const overlay = await OverlayLab.make(parseLab(LAB), { name: labName('s') });
  t.teardown(() => overlay.close());
  for (const vm of BLUE) {
    await overlay.lab.vm(vm).run(['ip', 'link', 'set', 'eth0', 'address', `02:00:00:00:0${vm[0]}:01`]);
  }
  const client = overlay.client();
  const base = twoNetworks(overlay);
  await client.apply({ kind: 'target', topology: base });
  await overlay.whole();
  const chorus = await Chorus.gather(overlay, [...RED, ...BLUE], BROADCAST);
  t.teardown(() => chorus.close());

  /** Everybody of the network hears every call once; the other network hears nothing. */
  const onceEverywhere = async (t: Test, word: string) => {
    for (const from of [RED[0], RED[3]] as string[]) {
      const others = RED.filter((vm) => vm !== from);
      await chorus.call(from, others, `${word}-${from}`, CALLS);
      await pings(overlay, from, '10.9.0.12', 1); // what still ran in circles has had its time
      for (const kind of ['broadcast', 'multicast']) {
        const counts = others.map((vm) => chorus.heard(vm, `${kind} ${word}-${from} `).length);
        t.same(
          counts,
          others.map(() => CALLS),
          `${kind} of ${from}`,
        );
      }
      for (const vm of BLUE) t.same(chorus.heard(vm, `broadcast ${word}`), [], `${vm} hears nothing of red`);
    }
  };
  const edgesOf = async (from: string, to: string) =>
    (await client.route(from, to, 'red')).hops.map(({ host, verdict, to }) => `${host} ${verdict} ${to}`);

  await t.test('the star', (t) => onceEverywhere(t, 'star'));

  await t.test('two networks with the same addresses never mix', async (t) => {
    await chorus.call('ablue', ['bblue'], 'blue', CALLS);
    t.equal(chorus.heard('bblue', 'broadcast blue').length, CALLS);
    for (const vm of RED) t.same(chorus.heard(vm, 'broadcast blue'), []);
    const { received } = await pings(overlay, 'ablue', '10.9.0.12');
    t.equal(received, 3, 'blue reaches blue');
    t.equal((await pings(overlay, 'ablue', '10.9.0.13', 1)).received, 0, 'and nobody who is red only');
    t.equal((await pings(overlay, 'ared', '10.9.0.13', 1)).received, 1);
  });

  await t.test('a ring: frames take it the short way round, and broadcasts do not run in it', async (t) => {
    const ring = { kind: 'ring', type: 'udp', network: 'red', hosts: HOSTS } as const;
    await client.apply({ kind: 'target', topology: { ...base, shapes: [{ ...ring, hosts: [...HOSTS] }] } });
    for (const [i, host] of HOSTS.entries())
      await directly(overlay, host, HOSTS[(i + 1) % 4] as string, 'udp');
    t.same(await edgesOf('ared', 'cred'), ['a edge b', 'b edge c', 'c port packet:cred0']);
    t.equal((await pings(overlay, 'ared', '10.9.0.13')).received, 3);
    t.equal((await pings(overlay, 'dred', '10.9.0.11')).received, 3);
    await onceEverywhere(t, 'ring');
  });

  await t.test('a mesh on top of the ring, over TCP', async (t) => {
    const shapes = [
      { kind: 'ring' as const, type: 'udp' as const, network: 'red', hosts: [...HOSTS] },
      { kind: 'mesh' as const, type: 'tcp' as const, network: 'red', hosts: [...HOSTS] },
    ];
    await client.apply({ kind: 'target', topology: { ...base, shapes } });
    for (const host of HOSTS)
      for (const peer of HOSTS) if (peer !== host) await directly(overlay, host, peer, 'tcp');
    t.same(await edgesOf('ared', 'cred'), ['a edge c', 'c port packet:cred0']);
    t.equal((await pings(overlay, 'ared', '10.9.0.13')).received, 3);
    await onceEverywhere(t, 'mesh');
    t.equal((await pings(overlay, 'ablue', '10.9.0.12')).received, 3, 'blue does not care');
  });

  await t.test('a tree of the user for group frames; a cycle is refused', async (t) => {
    const toward = (host: string, peers: string[]) => ({
      network: 'red',
      host,
      source: { kind: 'any' as const },
      destination: { kind: 'group' as const },
      actions: [
        { kind: 'port' as const, port: `packet:${host}red0` },
        ...peers.map((peer) => ({ kind: 'edge' as const, peer })),
      ],
    });
    const line = [toward('a', ['b']), toward('b', ['a', 'c']), toward('c', ['b', 'd']), toward('d', ['c'])];
    const links = HOSTS.slice(0, 3).map((host, i) => ({
      type: 'udp' as const,
      a: host,
      b: HOSTS[i + 1] as string,
    }));
    await client.apply({ kind: 'target', topology: { ...base, links, rules: line } });
    for (const { a, b } of links) await directly(overlay, a, b, 'udp');
    await onceEverywhere(t, 'tree');

    const ring = [
      toward('a', ['b', 'd']),
      toward('b', ['a', 'c']),
      toward('c', ['b', 'd']),
      toward('d', ['c', 'a']),
    ];
    const closed = [...links, { type: 'udp' as const, a: 'd', b: 'a' }];
    await t.rejects(client.apply({ kind: 'target', topology: { ...base, links: closed, rules: ring } }), {
      code: 'VNET_ERR_INVALID',
      message: /cycle/,
      hint: /tree/,
    });
    t.equal((await client.overview()).topology.links.length, 3, 'nothing was changed');
    await onceEverywhere(t, 'still');
  });

  await t.test('no frame ran until its hop limit ended it', async (t) => {
    for (const host of ['home', ...HOSTS]) {
      const { drops } = await overlay.client(host).local();
      t.equal(drops['hopLimit'] ?? 0, 0, host);
    }
  });
});
