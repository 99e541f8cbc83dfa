/** A QEMU guest that moves between real daemons, and daemons that are killed meanwhile: it executes in one place at most. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { MacAddress, MoveOptions, MoveResult } from '../../core/index.js';
import {
  fetchGuestParts,
  GUEST_BOOT_MS,
  GUEST_MEMORY_BYTES,
  makeGuest,
  OverlayLab,
  parseLab,
} from '../../lab/index.js';
import { labName, needNamespaces, pings } from './index.js';

const noNamespaces = needNamespaces();
const parts = noNamespaces === false ? await fetchGuestParts() : noNamespaces;
const skip = typeof parts === 'string' ? parts : false;
t.setTimeout(180_000);
const IP = '10.9.0.10';
const HTTP_MIB = 64;
const SETTLED_MS = 30_000;
/** So slow that a daemon can be killed in the midst of the copying. */
const SLOW: MoveOptions = { bitsPerSecond: 60e6, postCopy: 'never' };

t.test('a QEMU guest moves', { skip }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'vnet-guest-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const overlay = await OverlayLab.make(
    parseLab(`
underlay 10.77.0.0/24
host home
host a
host b
vm p on home mac 02:00:00:00:00:0b ip 10.9.0.11/24
`),
    { name: labName('q') },
  );
  t.teardown(async () => {
    await overlay
      .client()
      .stopVm('g', { graceMs: 0 })
      .catch(() => {});
    await overlay.close();
  });
  const guest = makeGuest(join(directory, 'initrd'), { ip: `${IP}/24`, httpMib: HTTP_MIB });
  const topology = overlay.topology();
  const vms = [
    ...topology.vms.map(({ machine: _, ...vm }) => vm),
    {
      ...{ name: 'g', network: 'lab', host: 'a', macs: ['02:00:00:00:00:0a' as MacAddress] },
      ...{ memoryBytes: GUEST_MEMORY_BYTES, machine: { driver: 'qemu' as const, ...guest } },
    },
  ];
  await overlay.client().apply({ kind: 'target', topology: { ...topology, vms } });
  await overlay.whole();
  await overlay.client().startVm('g');
  const answers = () =>
    overlay.until(
      'the guest answers',
      async () => (await pings(overlay, 'p', IP, 1)).received === 1,
      GUEST_BOOT_MS,
    );
  await answers();

  const status = async () => {
    const found = (await overlay.client().vms()).find(({ vm }) => vm === 'g');
    if (!found) throw new Error('g is not listed');
    return found;
  };
  const move = async (
    host: string,
    options: MoveOptions = {},
    onCopying: () => Promise<unknown> = async () => {},
  ): Promise<MoveResult | undefined> => {
    let acting: Promise<unknown> | undefined;
    const moved = overlay.client().moveVms({ moves: [{ vm: 'g', host }], options }, ({ phase, transfer }) => {
      if (phase === 'copying' && transfer) acting ??= onCopying();
    });
    const [result] = await moved.catch((thrown: unknown) => {
      if (!acting) throw thrown;
      return [undefined]; // The Proxy that it was asked of is no more.
    });
    await acting;
    return result;
  };
  /** QEMUs of the lab, by host. */
  const qemus = async (): Promise<string[]> => {
    const found: string[] = [];
    for (const { name, namespace } of overlay.lab.hosts) {
      const { stdout } = await overlay.lab.host('home').run(['ip', 'netns', 'pids', namespace]);
      for (const pid of stdout.split(/\s+/).filter(Boolean)) if (isQemu(pid)) found.push(name);
    }
    return found;
  };
  const settles = async (t: Test): Promise<string> => {
    const host = await overlay.until(
      'the guest settled',
      async () => {
        const { hosts } = await overlay.client().overview();
        const { state, mayRunOn, move: under } = await status();
        const isSettled = hosts.every(({ phase }) => phase === 'ready') && state === 'running' && !under;
        return isSettled && mayRunOn.length === 1 ? mayRunOn[0] : undefined;
      },
      SETTLED_MS,
    );
    await overlay.until('one QEMU', async () => (await qemus()).length === 1, SETTLED_MS);
    t.strictSame(await qemus(), [host]);
    await answers();
    const { stdout } = await overlay.lab.vm('p').run(['ping', '-c', '10', '-i', '0.05', '-W', '1', IP]);
    t.match(stdout, / 10 received/);
    t.notMatch(stdout, /duplicates/);
    return host;
  };

  await t.test('there and back, in the midst of a download', async (t) => {
    const download = overlay.lab
      .vm('p')
      .run([
        'curl',
        '-s',
        '-S',
        '-o',
        '/dev/null',
        '-w',
        '%{size_download}',
        '--limit-rate',
        '8M',
        `http://${IP}/big`,
      ]);
    for (const host of ['b', 'a']) {
      const result = await move(host);
      t.match(result, { outcome: 'moved', downtimeMs: Number, transferredBytes: Number, heldFrames: Number });
      t.comment(JSON.stringify(result));
      t.equal(await settles(t), host);
    }
    const { stdout, stderr } = await download;
    t.equal(Number(stdout), HTTP_MIB * 2 ** 20, stderr);
  });

  await t.test('called back', async (t) => {
    const result = await move('b', SLOW, () => overlay.client().cancelMove('g'));
    t.match(result, { outcome: 'stayed', reason: /cancelled/ });
    t.equal(await settles(t), 'a');
  });

  await t.test("the destination's daemon is killed while it copies", async (t) => {
    const result = await move('b', SLOW, () => overlay.stop('b', 'SIGKILL'));
    t.match(result, { outcome: /stayed|unknown/ });
    t.equal((await status()).host, 'a');
    t.equal((await pings(overlay, 'p', IP)).received, 3, 'it runs on');
    await overlay.start('b');
    t.equal(await settles(t), 'a');
  });

  await t.test("the source's daemon is killed while it copies", async (t) => {
    const result = await move('b', SLOW, () => overlay.stop('a', 'SIGKILL'));
    t.comment(JSON.stringify(result));
    t.equal((await status()).state, 'unknown');
    await t.rejects(overlay.client().startVm('g', { host: 'b' }), {
      code: /VNET_ERR_(UNREACHABLE|CONFLICT)/,
    });
    await overlay.start('a');
    await settles(t);
  });

  await t.test('the Proxy is killed while it copies', async (t) => {
    const { host } = await status();
    const other = host === 'a' ? 'b' : 'a';
    await move(other, SLOW, () => overlay.stop('home', 'SIGKILL'));
    await overlay.start('home');
    await overlay.whole();
    t.comment(`it is on ${await settles(t)}, and was on ${host}`);
  });

  await t.test('its console, and its end', async (t) => {
    const { console: path = '' } = await status();
    t.match(await typed(path, 'echo sum:$((40+2))', /sum:42/), /sum:42/);
    await overlay.client().stopVm('g', { graceMs: 20_000 });
    t.strictSame(await qemus(), []);
    t.match(await status(), { state: 'stopped', mayRunOn: [] });
  });
});

function isQemu(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('qemu');
  } catch {
    return false; // it has ended
  }
}

/** What the console says after a line was typed. */
function typed(path: string, line: string, wanted: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(`${line}\n`));
    let heard = '';
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      heard += chunk.toString();
      if (!wanted.test(heard)) return;
      socket.destroy();
      resolve(heard);
    });
  });
}
