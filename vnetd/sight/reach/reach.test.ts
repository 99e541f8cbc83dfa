/** Reachability: the packets, the search for the path's size, and real ICMP on loopback and between namespaces. */
import { execFileSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import fc from 'fast-check';
import t from 'tap';
import { type ReachResult, systemClock } from '../../../core/index.js';
import { decodeIcmp, encodeEcho, type Family, internetChecksum } from './icmp.js';
import { PATH_MTU_SIZES, type ProbeOutcome, searchPathMtu } from './path-mtu.js';
import { Pinger } from './pinger.js';
import { Reachability } from './reach.js';

const reachability = new Reachability(systemClock);
const ECHO = { identifier: 0xbeef, sequence: 7 };
const COOKIE = Buffer.from('8 octets');
const IPV4_HEADER = Buffer.from('4500005400000000400100000a0000010a000002', 'hex');
const IPV6_HEADER = Buffer.alloc(40, 0x60);

const asReply = (family: Family, request: Buffer): Buffer => {
  const reply = Buffer.from(request);
  reply[0] = family === 4 ? 0 : 129;
  return family === 4 ? Buffer.concat([IPV4_HEADER, reply]) : reply;
};

/** As a router sends it about our request. */
const asError = (family: Family, request: Buffer, head: Buffer): Buffer =>
  family === 4
    ? Buffer.concat([IPV4_HEADER, head, IPV4_HEADER, request.subarray(0, 8)])
    : Buffer.concat([head, IPV6_HEADER, request.subarray(0, 8)]);

t.test('what is sent is recognised in replies and in errors', (t) => {
  for (const family of [4, 6] as const) {
    const request = encodeEcho(family, ECHO, { cookie: COOKIE, packetBytes: 100 });
    t.equal(request.length, family === 4 ? 80 : 60, 'the IP header counts');
    if (family === 4) t.equal(internetChecksum(request), 0, 'the checksum over all is zero');
    t.same(decodeIcmp(family, asReply(family, request)), { kind: 'reply', ...ECHO, cookie: COOKIE });
    const tooBig = Buffer.from(family === 4 ? '0304000000000578' : '0200000000000578', 'hex');
    t.same(decodeIcmp(family, asError(family, request, tooBig)), {
      kind: 'tooBig',
      mtuBytes: 1400,
      ...ECHO,
    });
    const unreachable = Buffer.from(family === 4 ? '0301000000000000' : '0103000000000000', 'hex');
    t.match(decodeIcmp(family, asError(family, request, unreachable)), { kind: 'unreachable', ...ECHO });
    t.equal(decodeIcmp(family, request.subarray(0, 6)), undefined);
  }
  fc.assert(
    fc.property(fc.constantFrom<Family>(4, 6), fc.uint8Array({ maxLength: 80 }), (family, octets) => {
      decodeIcmp(family, Buffer.from(octets)); // Whatever arrives, nothing is thrown.
    }),
    { seed: 3 },
  );
  t.end();
});

t.test('the search finds what fits, told or not', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 600, max: 9500 }),
      fc.constantFrom('told', 'silent', 'old'),
      async (mtu, router) => {
        let probes = 0;
        const probe = async (bytes: number): Promise<ProbeOutcome> => {
          probes++;
          if (bytes <= mtu) return { kind: 'through' };
          return router === 'silent'
            ? { kind: 'lost' }
            : { kind: 'tooBig', mtuBytes: router === 'told' ? mtu : 0 };
        };
        const found = await searchPathMtu(PATH_MTU_SIZES, probe);
        const named = PATH_MTU_SIZES.filter((size) => size <= mtu).at(-1);
        const largest = PATH_MTU_SIZES.at(-1) as number;
        const isRight = found === (router === 'told' && mtu < largest ? mtu : named);
        return isRight && probes <= Math.ceil(Math.log2(PATH_MTU_SIZES.length)) + 2;
      },
    ),
    { seed: 5, numRuns: 200 },
  );
});

t.test('wrong requests', async (t) => {
  const wrong = { code: 'VNET_ERR_INVALID' };
  await t.rejects(reachability.ask({ addresses: ['example.org'], timeoutMs: 100 }), wrong);
  await t.rejects(reachability.ask({ addresses: Array(65).fill('::1'), timeoutMs: 100 }), wrong);
  await t.rejects(reachability.ask({ addresses: [], timeoutMs: 60_000 }), wrong);
  t.same(await reachability.ask({ addresses: [], timeoutMs: 100 }), []);
  const four = Array.from({ length: 4 }, () => reachability.ask({ addresses: ['240.0.0.1'], timeoutMs: 50 }));
  await t.rejects(reachability.ask({ addresses: [], timeoutMs: 50 }), { code: 'VNET_ERR_LIMIT' });
  await Promise.all(four);
});

/** False, or why real ICMP cannot be tried here. */
const noIcmp = await Pinger.open(4, systemClock).then(
  (pinger) => {
    pinger.close();
    return networkInterfaces()['lo'] ? false : 'the loopback interface is down';
  },
  (cause: Error) => cause.message,
);

function noNamespaces(): false | string {
  const name = `vr${process.pid}try`;
  try {
    execFileSync('ip', ['netns', 'add', name], { stdio: 'pipe' });
    execFileSync('ip', ['netns', 'del', name], { stdio: 'pipe' });
    return false;
  } catch {
    return 'needs network namespaces';
  }
}

t.test('loopback', { skip: noIcmp }, async (t) => {
  const results = await reachability.ask({ addresses: ['127.0.0.1', '::1', '240.0.0.1'], timeoutMs: 500 });
  t.match(results[0], { address: '127.0.0.1', reachable: true, pathMtuBytes: 9000 });
  t.ok((results[0]?.rttUs ?? 0) > 0);
  t.match(results[2], { address: '240.0.0.1', reachable: false });
  t.type(results[2]?.reason, 'string');
});

/** A host, a router and another host; what `run` starts runs in the first. */
function makePath(t: { teardown(remove: () => void): unknown }): {
  near: string;
  far: string;
  middle: string;
} {
  const names = { near: `vr${process.pid}n`, middle: `vr${process.pid}m`, far: `vr${process.pid}f` };
  const ip = (command: string) => execFileSync('ip', command.split(' '), { stdio: 'pipe' });
  t.teardown(() => {
    for (const name of Object.values(names)) execFileSync('ip', ['netns', 'del', name], { stdio: 'pipe' });
  });
  for (const name of Object.values(names)) {
    ip(`netns add ${name}`);
  }
  const wire = (a: string, aEnd: string, b: string, bEnd: string, net: number) => {
    ip(`-n ${a} link add ${aEnd} type veth peer name ${bEnd} netns ${b}`);
    for (const [space, end, host] of [
      [a, aEnd, 1],
      [b, bEnd, 2],
    ] as const) {
      ip(`-n ${space} addr add 10.77.${net}.${host}/24 dev ${end}`);
      ip(`-n ${space} addr add fd77:${net}::${host}/64 dev ${end} nodad`);
      ip(`-n ${space} link set ${end} up`);
    }
  };
  wire(names.near, 'n0', names.middle, 'm0', 1);
  wire(names.middle, 'm1', names.far, 'f0', 2);
  execFileSync('ip', [
    'netns',
    'exec',
    names.middle,
    'sh',
    '-c',
    'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding',
  ]);
  for (const [name, gateway] of [
    [names.near, '1::2'],
    [names.far, '2::1'],
  ] as const) {
    const [net, host] = gateway.split('::');
    ip(`-n ${name} route add default via 10.77.${net}.${host}`);
    ip(`-n ${name} -6 route add default via fd77:${net}::${host}`);
  }
  return names;
}

function reachFrom(space: string, addresses: string[]): ReachResult[] {
  const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const script = `
    const { Reachability } = await import(${url('./reach.js')});
    const { systemClock } = await import(${url('../../../core/index.js')});
    console.log(JSON.stringify(await new Reachability(systemClock).ask({ addresses: ${JSON.stringify(addresses)}, timeoutMs: 300 })));`;
  const output = execFileSync(
    'ip',
    ['netns', 'exec', space, process.execPath, '--input-type=module', '-e', script],
    { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } },
  );
  return JSON.parse(output) as ReachResult[];
}

t.test(
  'a narrow part of the path, told by the router or not at all',
  { skip: noIcmp || noNamespaces() },
  (t) => {
    const { near, middle, far } = makePath(t);
    const ends = ['10.77.2.2', 'fd77:2::2', '10.77.9.9'];
    const mtuOf = (space: string, end: string, mtu: number) =>
      execFileSync('ip', ['-n', space, 'link', 'set', end, 'mtu', String(mtu)]);
    // Neighbours of a new IPv6 link are silent for a second.
    let untouched: ReachResult[];
    let tries = 0;
    do untouched = reachFrom(near, ends);
    while (!untouched[1]?.reachable && ++tries < 8);
    t.match(untouched, [{ pathMtuBytes: 1500 }, { pathMtuBytes: 1500 }, { reachable: false }]);
    mtuOf(middle, 'm1', 1437);
    t.match(reachFrom(near, ends), [
      { reachable: true, pathMtuBytes: 1437 },
      { reachable: true, pathMtuBytes: 1437 },
      { reachable: false },
    ]);
    // The far end takes no more, and the router before it does not know: what is larger vanishes.
    mtuOf(middle, 'm1', 1500);
    mtuOf(far, 'f0', 1400);
    t.match(reachFrom(near, ends), [
      { reachable: true, pathMtuBytes: 1400 },
      { reachable: true, pathMtuBytes: 1400 },
      { reachable: false },
    ]);
    t.end();
  },
);
