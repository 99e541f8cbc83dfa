import { deepStrictEqual as deepEqual, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import fc from 'fast-check';
import t from 'tap';
import type { Topology } from '../../core/index.js';
import { loadScript } from '../../lang/index.js';
import { type Lab, makeLab } from '../lab.js';
import type { LabNode } from '../node.js';
import { OverlayLab } from '../overlay/index.js';
import { parseLab } from '../parse.js';
import { ensurePrivilege, reexecInUserNamespace } from '../privilege.js';
import { emptySpec } from '../spec.js';
import { Histogram } from './histogram.js';
import {
  addWebVerb,
  missingParts,
  PAGES,
  startWebApplication,
  type WebApplication,
  type WebMix,
} from './index.js';
import { pageShares, pickPage } from './pages.js';
import { decode, type Reply } from './redis.js';

const privilege = ensurePrivilege();
if (privilege.means === 'reexec') process.exit(reexecInUserNamespace());
const skip = privilege.means === 'direct' ? (missingParts() ?? false) : 'needs root or user namespaces';
t.setTimeout(90_000);

t.test('the mixes', async (t) => {
  const orders = { browsing: 0.05, shopping: 0.2, ordering: 0.5 };
  for (const [mix, share] of Object.entries(orders)) {
    const shares = pageShares(mix as WebMix);
    const ordering = PAGES.slice(PAGES.indexOf('cart'));
    const sum = (pages: readonly (typeof PAGES)[number][]) =>
      pages.reduce((all, page) => all + (shares.get(page) ?? 0), 0);
    t.ok(Math.abs(sum(PAGES) - 1) < 1e-9);
    t.ok(Math.abs(sum(ordering) - share) < 0.005, `${mix}: ${sum(ordering)} of orders`);
    const steps = 100_000;
    const picked = Array.from({ length: steps }, (_, i) => pickPage(shares, i / steps));
    for (const page of PAGES) {
      const got = picked.filter((one) => one === page).length / steps;
      ok(Math.abs(got - (shares.get(page) ?? 0)) < 2 / steps, page);
    }
  }
  t.throws(() => pageShares('window' as WebMix), { code: 'VNET_ERR_INVALID' });
});

t.test('replies of Redis, cut anywhere', async () => {
  const replies: fc.Arbitrary<Reply> = fc.letrec<{ reply: Reply }>((tie) => ({
    reply: fc.oneof(
      { maxDepth: 3 },
      fc.string({ unit: 'grapheme' }),
      fc.integer(),
      fc.constant(null),
      fc.array(tie('reply'), { maxLength: 4 }),
    ),
  })).reply;
  const write = (reply: Reply): string => {
    if (reply === null) return '$-1\r\n';
    if (typeof reply === 'number') return `:${reply}\r\n`;
    if (typeof reply === 'string') return `$${Buffer.byteLength(reply)}\r\n${reply}\r\n`;
    return `*${reply.length}\r\n${reply.map(write).join('')}`;
  };
  fc.assert(
    fc.property(replies, fc.nat(), (reply, cut) => {
      const data = Buffer.from(write(reply));
      deepEqual(decode(data), { value: reply, end: data.length });
      deepEqual(decode(data.subarray(0, cut % data.length)), undefined);
      deepEqual(decode(Buffer.concat([Buffer.from('+OK\r\n'), data]), 5)?.value, reply);
    }),
  );
});

t.test('quantiles against sorting', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.02, max: 1e5, noNaN: true }), { minLength: 1 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, share) => {
        const histogram = new Histogram();
        for (const value of values) histogram.add(value);
        const sorted = [...values].sort((a, b) => a - b);
        const want = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
        ok(
          Math.abs(histogram.quantile(share) / want - 1) < 0.045,
          `${histogram.quantile(share)} for ${want}`,
        );
      },
    ),
  );
});

/** Peers with which the node has TCP connections now, or had within a minute. */
async function talksTo(node: LabNode): Promise<string[]> {
  const { stdout } = await node.run(['cat', '/proc/net/tcp']);
  const remotes = [...stdout.matchAll(/^\s*\d+: [0-9A-F]{8}:[0-9A-F]{4} ([0-9A-F]{8}):/gm)];
  const dotted = remotes.map(([, hex = '']) =>
    [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join('.'),
  );
  return [...new Set(dotted)].filter((address) => address !== '0.0.0.0').sort();
}

t.test('in namespaces', { skip }, async (t) => {
  const spec = emptySpec();
  const names = ['c1', 'c2', 'web', 'img', 'app1', 'app2', 'db1', 'db2'];
  spec.hosts.push(...names.map((name) => ({ name })));
  const lab: Lab = await makeLab(spec, { name: `w${process.pid}` });
  t.teardown(() => lab.close());
  const [c1, c2, web, img, app1, app2, db1, db2] = names.map((name) => lab.host(name)) as [
    ...[LabNode, LabNode, LabNode, LabNode],
    ...[LabNode, LabNode, LabNode, LabNode],
  ];
  const places = {
    clients: [c1, c2],
    fronts: [web],
    images: img,
    apps: [app1, app2],
    stores: [db1, db2],
  };
  let running: WebApplication;
  t.before(async () => {
    running = await startWebApplication(places, {
      mix: 'ordering',
      thinkMs: 20,
      browsers: 4,
      books: 200,
      reportMs: 200,
    });
  });

  t.test('tiers talk to their neighbours, and to no one else', async (t) => {
    t.ok((await running.measure(2)) > 0);
    t.ok(running.rate > 0);
    const addresses = (...nodes: LabNode[]) => nodes.map((node) => node.address).sort();
    // Every connection of a tier is used within moments; which first is chance.
    const allUsed = async () => (await talksTo(web)).length >= 5 && (await talksTo(app2)).length >= 3;
    for (let tries = 0; tries < 50 && !(await allUsed()); tries++) await running.measure(1);
    t.strictSame(await talksTo(c1), addresses(web));
    t.strictSame(await talksTo(web), addresses(c1, c2, app1, app2, img));
    t.strictSame(await talksTo(app2), addresses(web, db1, db2));
    t.strictSame(await talksTo(img), addresses(web));
    t.ok((await talksTo(db2)).every((peer) => addresses(app1, app2, db1).includes(peer)));
  });

  t.test('what is bought leaves the stock and shows up as an order', async (t) => {
    const paths = [
      '/product?id=150',
      '/cart?add=150',
      '/cart?add=150',
      '/register?name=Ada',
      '/buy-request',
      '/buy-confirm',
      '/order-display',
      '/product?id=150',
      '/cart',
      '/product?id=9999',
      '/search-results?by=author&word=Greco',
      '/best-sellers?subject=history',
    ];
    const script = `
      const answers = [];
      for (const path of ${JSON.stringify(paths)}) {
        const answer = await fetch('http://${web.address}:8080' + path, { headers: { cookie: 'session=777' } });
        answers.push(answer.status + ' ' + (await answer.text()));
      }
      console.log(JSON.stringify(answers));`;
    const command = [process.execPath, '--input-type=module', '-e', script];
    const { stdout } = await c1.run(command, { timeoutMs: 20_000 });
    const [before, , cart, registered, request, confirm, display, after, empty, unknown, found, best] =
      JSON.parse(stdout) as string[];
    const stock = (html = '') => Number(/id="stock">(-?\d+)/.exec(html)?.[1]);
    t.match(cart, /<td>150<\/td><td>2<\/td>/);
    t.match(registered, /customer 777/);
    t.match(request, /for Ada/);
    t.match(confirm, /order 777-1/);
    t.match(display, /<td>150<\/td><td>2<\/td>/);
    t.ok(stock(after) <= stock(before) - 2, `${stock(before)} before, ${stock(after)} after`);
    t.notMatch(empty, /<td>150/, 'the cart is empty again');
    t.match(unknown, /^404/);
    t.match(found, /by Greco/);
    t.match(best, /^200[\s\S]*history/);
  });

  t.test('its end', async (t) => {
    const pids = [...running.pids.values()];
    const ends = await running.stop();
    t.strictSame(ends.map(({ client }) => client).sort(), ['c1', 'c2']);
    for (const { errors, lastError, interactions, pages, requestsPerSecond, interactionsPerSecond } of ends) {
      t.equal(errors, 0, lastError);
      t.ok(interactions > 20);
      t.ok((pages['buy-confirm']?.p95Ms ?? 0) > 0);
      t.ok(requestsPerSecond > interactionsPerSecond, 'images were fetched');
    }
    t.equal(pids.length, 8);
    for (const pid of pids) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });

  t.test('a part that dies', async (t) => {
    const one = { clients: [c1], fronts: [web], apps: [app1], stores: [db1] };
    const dying = await startWebApplication(one, { thinkMs: 50, books: 20, reportMs: 100 });
    await dying.measure(1);
    process.kill(dying.pids.get('app 0 on app1')!, 'SIGKILL');
    await t.rejects(dying.end, { code: 'VNET_ERR_UNREACHABLE', message: 'app 0 on app1 ended by SIGKILL' });
    await t.rejects(startWebApplication({ ...one, apps: [] }), { code: 'VNET_ERR_INVALID' });
    const elsewhere = { name: 'nowhere', address: '192.0.2.9', spawn: db1.spawn.bind(db1) };
    await t.rejects(startWebApplication({ ...one, stores: [elsewhere] }), {
      code: 'VNET_ERR_UNREACHABLE',
      message: /store 0 on nowhere ended with 1/,
    });
  });
});

t.test('the example, by the verb, over the overlay', { skip }, async (t) => {
  const example = (name: string) =>
    readFileSync(new URL(`../../../examples/${name}`, import.meta.url), 'utf8');
  const overlay = await OverlayLab.make(parseLab(example('webapp.lab')), { name: `v${process.pid}` });
  t.teardown(() => overlay.close());
  const { topology } = loadScript(example('webapp.vnet'));
  const onWire = (list: Topology['vms']) =>
    list.map(({ name, host, macs, port }) => ({ name, host, macs, port }));
  t.strictSame(onWire(topology.vms), onWire(overlay.topology().vms), 'lab and script name the same VMs');
  await overlay.client().apply({ kind: 'target', topology });
  await overlay.whole();
  const lines: string[] = [];
  const command = new Command();
  addWebVerb(command, (line) => lines.push(line));
  const tiers = ['--fronts', 'web', '--images', 'img', '--apps', 'app1,app2', '--stores', 'db1'];
  const words = ['webapp', overlay.lab.name, '--clients', 'user1,user2', ...tiers, '--think-ms', '100'];
  await command.parseAsync([...words, '--seconds', '1.5'], { from: 'user' });
  t.match(lines.slice(-3), ['in all', /^user1 .* interactions\/s/, /^user2 .*median [\d.]+ ms/]);
  t.notMatch(lines.at(-1), /errors/);
});
