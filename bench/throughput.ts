/** TCP between two VMs over one UDP link, beside tinc 1.0 in switch mode without cipher, and the raw wire. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Lab, makeLab, emptySpec, type LabSpec } from '../lab/index.js';
import { OverlayLab } from '../lab/index.js';
import { type Figure, median } from './figure.js';
import { transfer } from './iperf.js';

const ROUNDS = 3;
const SECONDS = 4;
/** It looks for the path's MTU first, and sends over TCP until it knows. */
const TINC_SETTLE_MS = 6000;
const VM_ADDRESS = (n: number) => `10.9.0.${n}`;
const BETWEEN_VMS = { from: 'v1', to: 'v2', address: VM_ADDRESS(2), seconds: SECONDS };

function spec(): LabSpec {
  const lab = emptySpec();
  lab.hosts.push({ name: 'home' }, { name: 'a' }, { name: 'b' });
  lab.vms.push(
    { name: 'v1', host: 'a', mac: '02:00:00:00:00:01', ips: [`${VM_ADDRESS(1)}/24`] },
    { name: 'v2', host: 'b', mac: '02:00:00:00:00:02', ips: [`${VM_ADDRESS(2)}/24`] },
  );
  return lab;
}

/** Interleaved: every round measures each in turn, so that a busy moment hits all alike. */
export async function throughputFigures(): Promise<Figure[]> {
  const samples = { raw: [] as number[], tinc: [] as number[], ours: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    samples.raw.push(await raw());
    samples.tinc.push(await tinc());
    samples.ours.push(await ours());
  }
  const ratio = median(samples.ours) / median(samples.tinc);
  return [
    {
      name: 'between hosts, the lab underlay alone',
      unit: 'Gbit/s',
      samples: samples.raw,
      beside: 'the limit',
    },
    { name: 'tinc 1.0, switch mode, no cipher', unit: 'Gbit/s', samples: samples.tinc, beside: 'the rival' },
    {
      name: 'vnet, one UDP link',
      unit: 'Gbit/s',
      samples: samples.ours,
      beside: `${ratio.toFixed(2)} x tinc, bar 1.5 x`,
      met: ratio >= 1.5,
    },
  ];
}

async function raw(): Promise<number> {
  const lab = await makeLab(spec());
  try {
    return await transfer(lab, { from: 'a', to: 'b', address: lab.host('b').address, seconds: SECONDS });
  } finally {
    await lab.close();
  }
}

async function ours(): Promise<number> {
  const overlay = await OverlayLab.make(spec());
  try {
    const topology = overlay.topology({
      links: [{ type: 'udp', a: 'a', b: 'b' }],
      routes: [{ network: 'lab', from: 'v1', to: 'v2', both: true, via: ['a', 'b'] }],
    });
    await overlay.client().apply({ kind: 'target', topology });
    await overlay.whole();
    await overlay.until('the direct link', async () =>
      (await overlay.client('a').local()).links.some((link) => link.peer === 'b' && link.up),
    );
    return await transfer(overlay.lab, BETWEEN_VMS);
  } finally {
    await overlay.close();
  }
}

async function tinc(): Promise<number> {
  const lab = await makeLab(spec());
  const directory = mkdtempSync(join(tmpdir(), 'vnet-bench-tinc-'));
  try {
    for (const host of ['a', 'b']) await startTinc(lab, directory, host, host === 'a' ? 'b' : 'a');
    for (let tries = 0; tries < 50; tries++) {
      const { code } = await lab.vm('v1').run(['ping', '-c', '1', '-W', '1', VM_ADDRESS(2)]);
      if (code !== 0) continue;
      await new Promise((resolve) => setTimeout(resolve, TINC_SETTLE_MS));
      return await transfer(lab, BETWEEN_VMS);
    }
    throw new Error('tinc carries nothing');
  } finally {
    await lab.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function startTinc(lab: Lab, directory: string, host: string, peer: string): Promise<void> {
  const folder = join(directory, host);
  mkdirSync(join(folder, 'hosts'), { recursive: true });
  const device = 'tinc0';
  writeFileSync(
    join(folder, 'tinc.conf'),
    `Name = ${host}\nMode = switch\nDeviceType = tap\nInterface = ${device}\n${host === 'a' ? `ConnectTo = ${peer}\n` : ''}`,
  );
  const script = `#!/bin/sh\nip link add brt type bridge\nip link set ${device} master brt up\nip link set ${host === 'a' ? 'v10' : 'v20'} master brt up\nip link set brt up\n`;
  writeFileSync(join(folder, 'tinc-up'), script, { mode: 0o755 });
  await lab.host(host).run(['tincd', '-c', folder, '-K', '1024'], {});
  const { readFileSync, existsSync } = await import('node:fs');
  const keyFile = join(folder, 'hosts', host);
  const key = existsSync(keyFile) ? readFileSync(keyFile, 'utf8') : '';
  const text = `Address = ${lab.host(host).address}\nCipher = none\nDigest = none\nCompression = 0\n${key}`;
  for (const side of [host, peer]) {
    mkdirSync(join(directory, side, 'hosts'), { recursive: true });
    writeFileSync(join(directory, side, 'hosts', host), text);
  }
  // The second host starts both: each needs the other's key.
  if (existsSync(join(directory, peer, 'tinc.conf'))) {
    for (const side of [peer, host]) {
      lab
        .host(side)
        .spawn(['tincd', '-c', join(directory, side), '-D', `--pidfile=${join(directory, `${side}.pid`)}`], {
          stdio: 'ignore',
        });
    }
  }
}
