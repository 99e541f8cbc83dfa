/** The third chapter: VMs that move while they work, and what holds when a move, or a host, fails. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { MoveResult, VmState } from '../../core/index.js';
import { fetchGuestParts } from '../guest/index.js';
import type { Lab } from '../lab.js';
import { bringUp, killDaemon, makeDemoLab, untilPing } from './demo-overlay.js';
import { type Download, DOWNLOAD_PROGRAM, sumOfZeros } from './download.js';
import { writeScript } from './migrate-script.js';
import { mbps } from './rates.js';
import { Pinger, type Silence } from './silence.js';
import type { Stage } from './stage.js';
import { until } from './until.js';

const CLIENT = 'client';
const WEB = { vm: 'web', ip: '10.9.0.1' };
const DB = { vm: 'db', ip: '10.9.0.2' };
const QUIET = { vm: 'quiet', ip: '10.9.0.3' };
const FILE_MIB = 48;
const GUEST_PORT = 80;
const LIGHT_PORT = 8080;
const BEFORE_MS = 2000;
const UP_TIMEOUT_MS = 60_000;
const DOWNLOAD_TIMEOUT_MS = 60_000;
const SLOW_COPY = '20M';
const CANCEL_AFTER_MS = 1500;
const STATE_TIMEOUT_MS = 15_000;

export async function migrateChapter(stage: Stage, keep: boolean): Promise<void> {
  const parts = await fetchGuestParts();
  const guest = typeof parts !== 'string';
  stage.heading('A lab: two hosts and a Proxy, 50 Mbit/s and 5 ms between them');
  if (!guest)
    stage.print(
      `  a QEMU guest ${parts}`,
      '  going on with light VMs alone: processes in network namespaces',
    );
  const lab = await makeDemoLab(stage, 'migrate.lab');
  const script = writeScript(stage, guest ? { ip: WEB.ip, httpMib: FILE_MIB } : undefined);
  stage.print(stage.faint(`$ vnet up examples/migrate.vnet --lab ${stage.lab}`));
  await bringUp(stage, script);

  stage.heading(guest ? 'A QEMU guest boots, light VMs start' : 'Light VMs start');
  for (const { vm } of guest ? [WEB, DB, QUIET] : [DB, QUIET]) await stage.show('vm', 'start', vm);
  for (const { vm, ip } of guest ? [WEB, DB, QUIET] : [DB, QUIET]) await answers(stage, vm, ip);

  const moved = guest ? WEB : DB;
  stage.heading(`It serves a download, and moves while it does`);
  await moveUnderDownload(stage, lab, moved, guest);

  stage.heading(
    guest ? 'Two light VMs change places; one of them never says a word' : 'A silent VM is found',
  );
  const others = guest ? [DB.vm, 'b', QUIET.vm, 'a'] : [QUIET.vm, 'a'];
  await moveQuietly(stage, lab, others);

  if (guest) {
    stage.heading('A move that is called off');
    await callOff(stage, moved.vm);
  }
  stage.heading('The daemon that runs it dies: nobody starts it a second time');
  await loseHost(stage, script, moved);

  if (keep) return farewell(stage, moved.vm);
  for (const { vm } of guest ? [WEB, DB, QUIET] : [DB, QUIET])
    await stage.must('vm', 'stop', vm, '--grace', '0s');
  stage.heading('Everything removed');
}

async function answers(stage: Stage, vm: string, ip: string): Promise<void> {
  const startedAt = performance.now();
  await untilPing(stage, CLIENT, ip, UP_TIMEOUT_MS);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  stage.print(`  ${vm} answers ${CLIENT} ${stage.good(`after ${seconds} s`)}`);
}

async function moveUnderDownload(
  stage: Stage,
  lab: Lab,
  { vm, ip }: { vm: string; ip: string },
  guest: boolean,
): Promise<void> {
  if (!guest) serveFrom(lab, vm);
  await stage.show('route', CLIENT, vm);
  await stage.showFinding('vm', 'check', vm, 'b');
  const download = new Fetch(lab, ip, guest ? GUEST_PORT : LIGHT_PORT);
  const pinger = new Pinger(lab.vm(CLIENT), ip);
  await sleep(BEFORE_MS);
  const before = download.now;
  stage.print(`  ${mib(before.receivedBytes)} of ${mib(before.expectedBytes)} MiB have come to ${CLIENT}`);
  await stage.showLive('vm', 'migrate', vm, 'b');
  await stage.show('route', CLIENT, vm);
  const silence = await pinger.stop();
  const end = await download.end().catch(async (thrown: Error) => {
    const { stdout } = await lab.vm(CLIENT).run(['ping', '-n', '-c', '3', '-W', '1', ip]);
    const answers = /time=/.test(stdout) ? 'answers' : 'does not answer';
    throw new Error(
      `${thrown.message}; ${vm} ${answers} pings, ${silence.lost} of ${silence.sent} were lost`,
    );
  });
  tellDownload(stage, before, end, download.seconds);
  tellSilence(stage, silence);
}

function serveFrom(lab: Lab, vm: string): void {
  lab.vm(vm).spawn([process.execPath, DOWNLOAD_PROGRAM, 'serve', String(LIGHT_PORT), String(FILE_MIB)], {
    stdio: 'ignore',
  });
}

/** The download as its program tells it. */
class Fetch {
  now: Download = { receivedBytes: 0, expectedBytes: 0, localPort: 0 };
  readonly #startedAt = performance.now();
  readonly #ended: Promise<number>;
  /** When something came. */
  #lastAt = performance.now();
  #complaint = '';
  seconds = 0;

  constructor(lab: Lab, ip: string, port: number) {
    const command = [process.execPath, DOWNLOAD_PROGRAM, 'fetch', ip, String(port)];
    const child = lab.vm(CLIENT).spawn(command, { stdio: ['ignore', 'pipe', 'pipe'] });
    let rest = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      const lines = `${rest}${chunk.toString()}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const now = JSON.parse(line) as Download;
        if (now.receivedBytes > this.now.receivedBytes) this.#lastAt = performance.now();
        this.now = now;
      }
    });
    child.stderr?.on('data', (chunk: Buffer) => (this.#complaint += chunk.toString()));
    this.#ended = new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)));
  }

  async end(): Promise<Download> {
    const code = await Promise.race([this.#ended, sleep(DOWNLOAD_TIMEOUT_MS, undefined, { ref: false })]);
    this.seconds = (performance.now() - this.#startedAt) / 1000;
    if (code === 0) return this.now;
    const idle = ((performance.now() - this.#lastAt) / 1000).toFixed(1);
    const why = code === undefined ? `not over after ${this.seconds.toFixed(0)} s` : this.#complaint.trim();
    throw new Error(
      `the download failed after ${mib(this.now.receivedBytes)} MiB: ${why}; nothing came for ${idle} s`,
    );
  }
}

function tellDownload(stage: Stage, before: Download, end: Download, seconds: number): void {
  const whole = end.receivedBytes === FILE_MIB * 2 ** 20 && end.sha256 === sumOfZeros(end.receivedBytes);
  if (!whole || end.localPort !== before.localPort)
    throw new Error(`the download is not what it should be: ${JSON.stringify(end)}`);
  const rate = mbps((end.receivedBytes * 8) / seconds);
  stage.print(
    `  ${stage.good('The download is whole')}: ${mib(end.receivedBytes)} MiB, SHA-256 ${end.sha256?.slice(0, 16)}..., ${rate}`,
    `  by one connection from its start to its end, from port ${end.localPort} of ${CLIENT}`,
  );
}

function tellSilence(stage: Stage, { longestMs, sent, lost }: Silence): void {
  const text = stage.bold(`${longestMs.toFixed(0)} ms`);
  stage.print(`  a ping every 10 ms: the longest silence ${text}, ${lost} of ${sent} lost`);
}

async function moveQuietly(stage: Stage, lab: Lab, moves: string[]): Promise<void> {
  const pinger = new Pinger(lab.vm(CLIENT), DB.ip);
  await stage.showLive('vm', 'migrate', ...moves);
  await findSilent(stage, lab);
  tellSilence(stage, await pinger.stop());
}

/** One ping, and no other before it: what was silent is found by the announcement at its own port, or not at all. */
async function findSilent(stage: Stage, lab: Lab): Promise<void> {
  const { stdout } = await lab.vm(CLIENT).run(['ping', '-n', '-c', '1', '-W', '1', QUIET.ip]);
  const [, ms] = /time=([\d.]+) ms/.exec(stdout) ?? [];
  if (ms === undefined) throw new Error(`the first ping does not find ${QUIET.vm}`);
  stage.print(`  ${QUIET.vm} said nothing since; ${stage.good('the first ping finds it')}, in ${ms} ms`);
}

async function callOff(stage: Stage, vm: string): Promise<void> {
  stage.print(stage.faint(`$ vnet vm migrate ${vm} a --bandwidth ${SLOW_COPY} &`));
  const move = stage.vnet('vm', 'migrate', vm, 'a', '--bandwidth', SLOW_COPY, '--no-post-copy', '--json');
  await sleep(CANCEL_AFTER_MS);
  await stage.show('vm', 'cancel', vm);
  const { stdout, stderr } = await move;
  const [result] = JSON.parse(stdout || '[]') as MoveResult[];
  if (result?.outcome !== 'stayed') throw new Error(`the cancelled move ended otherwise: ${stdout}${stderr}`);
  stage.print(`  ${stage.good(`${vm} stayed on ${result.from}`)}: ${result.reason}`);
}

async function loseHost(stage: Stage, script: string, { vm, ip }: { vm: string; ip: string }): Promise<void> {
  const pid = killDaemon(stage, 'b');
  stage.print(`  killed process ${pid}, the daemon of b`);
  await state(stage, vm, 'unknown');
  await stage.showRefusal('vm', 'start', vm, '--on', 'a');
  await bringUp(stage, script);
  await state(stage, vm, 'running');
  await untilPing(stage, CLIENT, ip);
  stage.print(`  ${stage.good('the daemon was started again and found it')}: ${vm} never stopped`);
  await stage.show('vms');
}

async function state(stage: Stage, vm: string, wanted: VmState): Promise<void> {
  await until(stage, `${vm} to be ${wanted}`, STATE_TIMEOUT_MS, async (client) => {
    const status = (await client.vms()).find((each) => each.vm === vm);
    return status?.state === wanted ? status : undefined;
  });
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);

function farewell(stage: Stage, vm: string): void {
  stage.heading('Left up for you');
  stage.print(
    `  export VNET_SOCKET=${stage.env['VNET_SOCKET']} XDG_RUNTIME_DIR=${stage.directory}`,
    `  bin/vnet vm migrate ${vm} a                      back again, with its progress`,
    '  bin/vnet host drain b                           everything off b',
    '  bin/vnet events                                 states and moves, as they happen',
    '',
    `  remove it with: bin/vnet down; bin/vnet lab down ${stage.lab}; rm -r ${stage.directory}`,
  );
}
