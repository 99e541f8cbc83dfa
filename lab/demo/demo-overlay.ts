/** What every chapter begins with: a lab of its own, and the overlay of a script on it, by the real commands. */
import { readFileSync } from 'node:fs';
import { connectControl, type OverlayView, VnetError } from '../../core/index.js';
import { type Lab, listLabs, makeLab } from '../lab.js';
import { parseLab } from '../parse.js';
import type { Stage } from './stage.js';

export const LAB = 'demo';
export const PROXY = 'home';
export const PROXY_SOCKET = `run/${PROXY}.sock`;
const WHOLE_TIMEOUT_MS = 20_000;
const POLL_MS = 20;

/** In this process rather than by `vnet lab up`: without root, a lab ends with the command that made it. */
export async function makeDemoLab(stage: Stage, file: string, keep: boolean): Promise<Lab> {
  if (listLabs().some((known) => known.name === LAB)) {
    throw new VnetError(
      'VNET_ERR_EXISTS',
      `a demo runs here, or was left up; \`bin/vnet lab down ${LAB}\` removes it`,
    );
  }
  const path = stage.example(file);
  const lab = await makeLab(parseLab(readFileSync(path, 'utf8'), path), { name: LAB });
  if (!keep) {
    stage.onExit('the lab', () => lab.close());
    stage.onExit('the daemons', () => stage.must('down'));
  }
  stage.print(stage.faint(`$ vnet lab up examples/${file} --name ${LAB}`));
  return lab;
}

/** `vnet up`, which also starts again what has died; then until every host is ready and linked to the Proxy. */
export async function bringUp(stage: Stage, script: string): Promise<void> {
  await stage.must(
    ...['up', stage.example(script), '--lab', LAB, '--yes'],
    ...['--state-dir', `${stage.directory}/state`, '--run-dir', `${stage.directory}/run`],
  );
  await whole(stage);
}

/** Until every host is ready and linked to the Proxy. */
export async function whole(stage: Stage): Promise<void> {
  const deadline = performance.now() + WHOLE_TIMEOUT_MS;
  const client = connectControl(String(stage.env['VNET_SOCKET']));
  try {
    for (;;) {
      const overview: OverlayView | undefined = await client.overview().catch(() => undefined);
      const others = (overview?.hosts ?? []).filter((host) => !host.proxy);
      const links = overview ? (await client.local()).links : [];
      const linked = others.every((host) => links.some((link) => link.peer === host.name && link.up));
      if (others.length > 0 && linked && others.every((host) => host.phase === 'ready')) return;
      if (performance.now() > deadline)
        throw new Error(`the star is not whole after ${WHOLE_TIMEOUT_MS / 1000} s`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } finally {
    client.close();
  }
}

export async function ping(stage: Stage, from: string, address: string, what: string): Promise<void> {
  const text = await stage.must(
    'lab',
    'exec',
    LAB,
    from,
    '--',
    'ping',
    '-c',
    '3',
    '-i',
    '0.2',
    '-W',
    '2',
    address,
  );
  const rtt = /= ([\d.]+)\//.exec(text)?.[1];
  const loss = /(\d+)% packet loss/.exec(text)?.[1];
  stage.print(`  ping ${what.padEnd(34)} ${rtt} ms at best, ${loss}% lost`);
}

export async function untilPing(
  stage: Stage,
  from: string,
  address: string,
  timeoutMs = WHOLE_TIMEOUT_MS,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (
    (await stage.vnet('lab', 'exec', LAB, from, '--', 'ping', '-c', '1', '-W', '1', address)).code !== 0
  ) {
    if (performance.now() > deadline) throw new Error(`${from} does not reach ${address}`);
  }
}

/** At once. The record of `vnet up`, which started it, tells its pid. @returns the pid */
export function killDaemon(stage: Stage, host: string): number {
  const daemons = JSON.parse(readFileSync(`${stage.directory}/vnet/started.json`, 'utf8')) as {
    host: string;
    pid: number;
  }[];
  const pid = daemons.find((daemon) => daemon.host === host)?.pid;
  if (pid === undefined) throw new Error(`no daemon runs on ${host}`);
  process.kill(pid, 'SIGKILL');
  return pid;
}
