/** What every chapter begins with: a lab of its own, and the overlay of a script on it, by the real commands. */
import { readFileSync } from 'node:fs';
import { type OverlayView, VnetError } from '../../core/index.js';
import { type Lab, listLabs, makeLab, removeLab } from '../lab.js';
import { parseLab } from '../parse.js';
import { ensurePrivilege } from '../privilege.js';
import type { LabSpec } from '../spec.js';
import type { Stage } from './stage.js';
import { until } from './until.js';

export const PROXY = 'home';
export const PROXY_SOCKET = `run/${PROXY}.sock`;
const WHOLE_TIMEOUT_MS = 20_000;

/** In this process rather than by `vnet lab up`: without root, a lab ends with the command that made it. */
export async function makeDemoLab(stage: Stage, file: string): Promise<Lab> {
  await makeRoom(stage);
  const path = stage.example(file);
  const spec = withoutQuotas(stage, parseLab(readFileSync(path, 'utf8'), path));
  const lab = await makeLab(spec, { name: stage.lab, temporary: true });
  stage.onExit('the lab', () => lab.close());
  stage.onExit('the daemons', () => stage.must('down'));
  stage.onKeep(() => lab.keep());
  stage.print(stage.faint(`$ vnet lab up examples/${file} --name ${stage.lab}`));
  return lab;
}

/** Where nobody may set them. */
function withoutQuotas(stage: Stage, spec: LabSpec): LabSpec {
  const quotas = spec.hosts.some(({ cpuPercent }) => cpuPercent !== undefined);
  if (!quotas || ensurePrivilege().rootless !== true) return spec;
  stage.print('  without root the hosts have no CPU quotas: each takes the load of all for its own');
  return { ...spec, hosts: spec.hosts.map(({ cpuPercent: _quota, ...host }) => host) };
}

/** What a demo that was killed left behind is removed; what was left up on purpose, or runs, is not. */
async function makeRoom(stage: Stage): Promise<void> {
  const other = listLabs().find(({ name }) => name === stage.lab);
  if (other === undefined) return;
  if (!other.leftBehind) {
    const what = other.makerAlive ? 'a demo runs in it, or another process' : 'it was left up on purpose';
    throw new VnetError(
      'VNET_ERR_EXISTS',
      `there is a lab named ${stage.lab}: ${what}; \`bin/vnet lab down ${stage.lab}\` removes it, --lab NAME takes another name`,
    );
  }
  await removeLab(stage.lab);
  stage.print(
    `  removed the lab ${stage.lab} of ${other.madeAt.slice(0, 16).replace('T', ' ')}: its demo was killed`,
  );
}

/** `vnet up`, which also starts again what has died; then until every host is ready and linked to the Proxy. */
export async function bringUp(stage: Stage, script: string): Promise<void> {
  await stage.must(
    ...['up', stage.example(script), '--lab', stage.lab, '--yes'],
    ...['--state-dir', `${stage.directory}/state`, '--run-dir', `${stage.directory}/run`],
  );
  await whole(stage);
}

/** Until every host is ready and linked to the Proxy. */
export async function whole(stage: Stage): Promise<void> {
  await until(stage, 'the star to be whole', WHOLE_TIMEOUT_MS, async (client) => {
    const overview: OverlayView | undefined = await client.overview().catch(() => undefined);
    const others = (overview?.hosts ?? []).filter((host) => !host.proxy);
    const links = overview ? (await client.local()).links : [];
    const linked = others.every((host) => links.some((link) => link.peer === host.name && link.up));
    const ready = others.length > 0 && linked && others.every((host) => host.phase === 'ready');
    return ready ? true : undefined;
  });
}

export async function ping(stage: Stage, from: string, address: string, what: string): Promise<void> {
  const command = ['ping', '-c', '3', '-i', '0.2', '-W', '2', address];
  const text = await stage.must('lab', 'exec', stage.lab, from, '--', ...command);
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
  const command = ['ping', '-c', '1', '-W', '1', address];
  while ((await stage.vnet('lab', 'exec', stage.lab, from, '--', ...command)).code !== 0) {
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
