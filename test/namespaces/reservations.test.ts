/** Bandwidth and CPU that are reserved, held by real kernels against whoever wants more; and what is left of them. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { type Change, emptyChange, type ReservationView } from '../../core/index.js';
import { inUserNamespace, OverlayLab, parseLab } from '../../lab/index.js';
import { directly, labName, needNamespaces, reaches } from './index.js';

const skip = needNamespaces();
const noQuotas = inUserNamespace() && 'CPU quotas need real root';

const LINE_BPS = 30e6;
const RESERVED_BPS = 0.7 * LINE_BPS;
/** The headers of TCP, IP and Ethernet inside and of the link outside are reserved too, and not goodput. */
const HEADER_SHARE = 0.12;
/** What the others offer, in as many flows: each holds a part of the queue. */
const FLOOD_BPS = 100e6;
const FLOOD_FLOWS = 8;
const RUN_S = 3;
const LAB = `
underlay 10.77.0.0/24
host home
host a
host b
${noQuotas ? '' : 'cpu a 100%'}
pair a b rate 31M
vm p on a mac 02:00:00:00:00:0a ip 10.9.0.10/24
vm q on b mac 02:00:00:00:00:0b ip 10.9.0.11/24
`;

const reserving = (bitsPerSecond: number): Change => {
  const change = emptyChange();
  change.add.linkReservations.push({ type: 'udp', from: 'a', to: 'b', bitsPerSecond });
  return change;
};
const without = ({ add }: Change): Change => ({ ...emptyChange(), remove: add });

t.test('reservations over real daemons', { skip }, async (t) => {
  const overlay = await OverlayLab.make(parseLab(LAB), {
    name: labName('v'),
    arguments: ['--line-rate', `${LINE_BPS / 1e6}M`],
  });
  t.teardown(() => overlay.close());
  const client = overlay.client();
  const topology = overlay.topology();
  topology.links.push({ type: 'udp', a: 'a', b: 'b' });
  topology.routes.push({ network: 'lab', from: 'p', to: 'q', both: true, via: ['a', 'b'] });
  await client.apply({ kind: 'target', topology });
  await overlay.whole();
  await directly(overlay, 'a', 'b', 'udp');
  await reaches(overlay, 'p', '10.9.0.11');
  for (const node of [overlay.lab.vm('q'), overlay.lab.host('b')])
    node.spawn(['iperf3', '-s'], { stdio: 'ignore' });
  await sleep(300);

  const apply = (change: Change) => client.apply({ kind: 'change', change });
  const held = async (host = 'a'): Promise<ReservationView[]> =>
    (await overlay.client(host).local()).reservations ?? [];
  const root = async (host = 'a'): Promise<string> =>
    (await overlay.lab.host(host).run(['tc', 'qdisc', 'show', 'dev', 'u0'])).stdout.split('\n')[0] ?? '';

  const restart = async (host: string) => {
    await overlay.start(host);
    await overlay.until(`${host} is back`, async () => {
      const { hosts } = await client.overview();
      return hosts.some(({ name, phase }) => name === host && phase === 'ready');
    });
  };

  /** Of TCP from p to q, bits a second, while host a floods host b past the overlay. */
  const goodput = async (): Promise<number> => {
    const flood = overlay.lab
      .host('a')
      .run([
        ...['iperf3', '-u', '-c', overlay.lab.host('b').address, '-t', `${RUN_S + 1}`],
        ...['-b', `${FLOOD_BPS / FLOOD_FLOWS}`, '-P', `${FLOOD_FLOWS}`],
      ]);
    await sleep(500);
    const { stdout } = await overlay.lab
      .vm('p')
      .run(['iperf3', '-J', '-c', '10.9.0.11', '-t', `${RUN_S}`, '-O', '1', '-C', 'cubic']);
    await flood;
    return (
      (JSON.parse(stdout) as { end?: { sum_received?: { bits_per_second: number } } }).end?.sum_received
        ?.bits_per_second ?? 0
    );
  };

  await t.test('a link has what is reserved for it, whatever others send', async (t) => {
    // The same queues, with another link's reservation in them.
    const other = emptyChange();
    other.add.linkReservations.push({ type: 'tcp', from: 'a', to: 'home', bitsPerSecond: 1e6 });
    await apply(other);
    const before = await goodput();
    await apply(reserving(RESERVED_BPS));
    await apply(without(other));
    t.match(await held(), [
      { kind: 'link', of: 'udp b', state: 'held', text: /HTB on u0, a line of 30 Mbit\/s/ },
    ]);
    t.match(await root(), /^qdisc htb 7/);
    const after = await goodput();
    t.comment(
      `${(before / 1e6).toFixed(1)} Mbit/s before, ${(after / 1e6).toFixed(1)} with ${RESERVED_BPS / 1e6} reserved`,
    );
    t.ok(after > 0.85 * RESERVED_BPS * (1 - HEADER_SHARE));
    t.ok(before < 0.5 * after, 'and had not before');
    await apply(without(reserving(RESERVED_BPS)));
    t.match(await root(), /^qdisc noqueue 0:/, 'nothing is left');
    t.same(await held(), []);
  });

  await t.test('what cannot be held is refused, and nothing changes', async (t) => {
    await t.rejects(apply(reserving(LINE_BPS)), /30 Mbit\/s for the link to b is more than u0 has left/);
    t.match(await root(), /noqueue/);
    await overlay.lab.host('a').run(['tc', 'qdisc', 'add', 'dev', 'u0', 'root', 'handle', '5:', 'htb']);
    await t.rejects(apply(reserving(RESERVED_BPS)), /a queueing discipline that is not ours \(htb 5:\)/);
    t.match(await root(), /^qdisc htb 5:/, 'and is left alone');
    await overlay.lab.host('a').run(['tc', 'qdisc', 'del', 'dev', 'u0', 'root']);
    t.same((await client.overview()).topology.linkReservations, []);
  });

  await t.test('a link that the peer dials is found wherever it comes from', async (t) => {
    const change = emptyChange();
    change.add.linkReservations.push({ type: 'tcp', from: 'home', to: 'a', bitsPerSecond: 5e6 });
    await apply(change);
    const port = async () => {
      const { links } = await overlay.client('home').local();
      return /:(\d+)$/.exec(
        links.find(({ peer, type }) => peer === 'a' && type === 'tcp')?.remote ?? '',
      )?.[1];
    };
    const isFiltered = async () => {
      const { stdout } = await overlay.lab.host('home').run(['tc', 'filter', 'show', 'dev', 'u0']);
      const [number, filtered] = [
        Number(await port()),
        /match 0000([0-9a-f]{4})\/0000ffff/.exec(stdout)?.[1] ?? '',
      ];
      return number !== 0 && number === Number.parseInt(filtered, 16);
    };
    await overlay.until('a filter for it', isFiltered);
    const first = await port();
    await overlay.stop('a');
    await restart('a');
    await overlay.until('the link from another port', async () => (await port()) !== first);
    await overlay.until('a filter for that', isFiltered);
    await apply(without(change));
    t.match(await root('home'), /noqueue/);
  });

  await t.test('what a killed daemon left is removed, and made again where it is still wanted', async (t) => {
    await apply(reserving(RESERVED_BPS));
    await overlay.stop('a', 'SIGKILL');
    t.match(await root(), /^qdisc htb 7/);
    await restart('a');
    await overlay.until('it is held again', async () => (await held()).some(({ state }) => state === 'held'));
    await overlay.stop('a', 'SIGKILL');
    await apply(without(reserving(RESERVED_BPS)));
    await restart('a');
    await overlay.until('nothing is left', async () => /noqueue/.test(await root()));
    await apply(reserving(RESERVED_BPS));
    await overlay.until('held', async () => /htb 7/.test(await root()));
    await overlay.stop('a');
    t.match(await root(), /noqueue/, 'a daemon that stops gives back');
    await restart('a');
    await apply(without(reserving(RESERVED_BPS)));
  });

  await t.test('a VM has its CPU, whatever its host does', { skip: noQuotas }, async (t) => {
    await client.startVm('p');
    // All on one CPU: on several, the scheduler may give the VM one for itself, and the others use up the host's quota there.
    const busy = ['taskset', '--cpu-list', oneCpu(), 'sh', '-c', 'while :; do :; done'];
    const hogs = [1, 2, 3].map(() => overlay.lab.host('a').spawn(busy, { stdio: 'ignore' }));
    const inside = overlay.lab.vm('p').spawn(busy, { stdio: 'ignore' });
    const end = () => [...hogs, inside].forEach((child) => child.kill('SIGKILL'));
    t.teardown(end);
    await sleep(300);
    /** Of what all four use; and CPUs. */
    const usage = async (): Promise<{ share: number; cpus: number }> => {
      const startedMs = performance.now();
      const before = [inside, ...hogs].map(({ pid }) => ticks(pid ?? 0));
      await sleep(RUN_S * 1000);
      const used = [inside, ...hogs].map(({ pid }, index) => ticks(pid ?? 0) - (before[index] ?? 0));
      const [own = 0] = used;
      return {
        share: own / used.reduce((sum, each) => sum + each, 0),
        cpus: (own * 10) / (performance.now() - startedMs),
      };
    };
    const reservation = emptyChange();
    reservation.add.cpuReservations.push({ vm: 'p', periodUs: 100_000, sliceUs: 60_000 });
    const before = await usage();
    await apply(reservation);
    t.match(await held(), [{ kind: 'cpu', of: 'p', state: 'held' }]);
    const after = await usage();
    t.comment(
      `${before.share.toFixed(2)} of the host before, ${after.share.toFixed(2)} with 0.6 CPUs reserved`,
    );
    // Other tests may be on that CPU too; what is left of it the VM has before the others.
    t.ok(before.share < 0.35 && after.share > 0.5, 'at least');
    t.ok(after.cpus < 0.7, `and at most: ${after.cpus.toFixed(2)} CPUs`);
    const tooMuch = emptyChange();
    tooMuch.add.cpuReservations.push({ vm: 'p', periodUs: 100_000, sliceUs: 150_000 });
    await t.rejects(apply(tooMuch), /more than this host has/);
    t.match(await held(), [{ sliceUs: 60_000, state: 'held' }]);
    end();
    await client.moveVms({ moves: [{ vm: 'p', host: 'b' }] });
    await overlay.until('held at its new host', async () =>
      (await held('b')).some(({ state }) => state === 'held'),
    );
    t.same(await held('a'), []);
    await apply(without(reservation));
    t.same(await held('b'), []);
    await client.moveVms({ moves: [{ vm: 'p', host: 'a' }] });
  });
});

/** A CPU that this process may use. */
function oneCpu(): string {
  const [, cpu = '0'] =
    /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
  return cpu;
}

/** CPU time of a process, in ticks. */
function ticks(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
