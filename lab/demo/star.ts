/** The first chapter: a resilient star from a script, a direct link added under load, the Proxy's death. */
import { readFileSync } from 'node:fs';
import { connectControl, type OverlayView, VnetError } from '../../core/index.js';
import { listLabs, makeLab } from '../lab.js';
import { parseLab } from '../parse.js';
import { INTERVAL_MS, TRANSFER_PROGRAM } from './transfer.js';
import type { Stage } from './stage.js';

const LAB = 'demo';
const PROXY = 'home';
const TRANSFER_PORT = 5001;
const BEFORE_MS = 6000;
const AFTER_MS = 6000;
const WHOLE_TIMEOUT_MS = 20_000;
const POLL_MS = 20;
const BAR_WIDTH = 40;

export const PROXY_SOCKET = `run/${PROXY}.sock`;

export async function starChapter(stage: Stage, keep: boolean): Promise<void> {
  const up = (script: string) => [
    ...['up', stage.example(script), '--lab', LAB, '--yes'],
    ...['--state-dir', `${stage.directory}/state`, '--run-dir', `${stage.directory}/run`],
  ];
  stage.heading('A lab: four hosts, 20 ms and 100 Mbit/s from the Proxy');
  // In this process rather than by `vnet lab up`: without root, a lab ends with the command that made it.
  const file = stage.example('star.lab');
  if (listLabs().some((known) => known.name === LAB)) {
    throw new VnetError(
      'VNET_ERR_EXISTS',
      `a demo runs here, or was left up; \`bin/vnet lab down ${LAB}\` removes it`,
    );
  }
  const lab = await makeLab(parseLab(readFileSync(file, 'utf8'), file), { name: LAB });
  if (!keep) {
    stage.onExit('the lab', () => lab.close());
    stage.onExit('the daemons', () => stage.must('down'));
  }
  stage.print(
    stage.faint(`$ vnet lab up examples/star.lab --name ${LAB}`),
    '  five hosts and eight VMs, each a network namespace',
  );

  stage.heading('The star, from a script');
  stage.print(stage.faint(`$ vnet up examples/star.vnet --lab ${LAB}`));
  await stage.must(...up('star.vnet'));
  await whole(stage);
  await stage.show('map');

  stage.heading('VMs reach each other across the Proxy');
  await ping(stage, 'a1', '10.9.0.21', 'a1 to b1');
  await ping(stage, 'c1', '10.9.0.42', 'c1 to d2');

  stage.heading('A transfer from a1 to b1, and a direct link added while it runs');
  const transfer = startTransfer(stage);
  await transfer.watch(BEFORE_MS);
  await stage.show('route', 'a1', 'b1');
  const relayed = transfer.rate();
  await stage.show('apply', stage.example('direct.vnet'), '--yes');
  await transfer.watch(AFTER_MS);
  await stage.show('route', 'a1', 'b1');
  const direct = transfer.rate();
  transfer.stop();
  stage.print(
    '',
    `  ${stage.bold('by the Proxy')}  ${mbps(relayed)}    ${stage.bold('directly')}  ${mbps(direct)}    ${stage.good(`${(direct / relayed).toFixed(1)} times`)}`,
  );
  await ping(stage, 'a1', '10.9.0.21', 'a1 to b1, directly');

  stage.heading('The Proxy dies');
  const pid = await killProxy(stage);
  stage.print(`  killed process ${pid}`);
  await ping(stage, 'a1', '10.9.0.21', 'a1 to b1 still, on the direct link');
  const restartedAt = performance.now();
  await stage.must(...up('direct.vnet'));
  await whole(stage);
  await untilPing(stage, 'c1', '10.9.0.42');
  const seconds = ((performance.now() - restartedAt) / 1000).toFixed(1);
  stage.print(`  ${stage.good(`started again; the star is whole and c1 reaches d2 after ${seconds} s`)}`);
  await stage.show('status');

  if (keep) return farewell(stage);
  stage.heading('Everything removed');
}

function farewell(stage: Stage): void {
  stage.heading('Left up for you');
  stage.print(
    `  export VNET_SOCKET=${stage.env['VNET_SOCKET']} XDG_RUNTIME_DIR=${stage.directory}`,
    '  bin/vnet route a1 b1                            which way, and the rule that won',
    `  bin/vnet lab exec ${LAB} c1 -- ping 10.9.0.41     from VM to VM`,
    '  bin/vnet events                                 what happens, as it happens',
    '',
    `  remove it with: bin/vnet down; bin/vnet lab down ${LAB}; rm -r ${stage.directory}`,
  );
}

/** Until every host is ready and linked to the Proxy. */
async function whole(stage: Stage): Promise<void> {
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

async function ping(stage: Stage, from: string, address: string, what: string): Promise<void> {
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

async function untilPing(stage: Stage, from: string, address: string): Promise<void> {
  const deadline = performance.now() + WHOLE_TIMEOUT_MS;
  while (
    (await stage.vnet('lab', 'exec', LAB, from, '--', 'ping', '-c', '1', '-W', '1', address)).code !== 0
  ) {
    if (performance.now() > deadline) throw new Error(`${from} does not reach ${address}`);
  }
}

/** The lab's own record of the daemon tells its pid; it is ours, started by `vnet up` just before. */
async function killProxy(stage: Stage): Promise<number> {
  const daemons = JSON.parse(readFileSync(`${stage.directory}/vnet/started.json`, 'utf8')) as {
    host: string;
    pid: number;
  }[];
  const pid = daemons.find((daemon) => daemon.host === PROXY)?.pid;
  if (pid === undefined) throw new Error('the Proxy does not run');
  process.kill(pid, 'SIGKILL');
  return pid;
}

function startTransfer(stage: Stage) {
  const inVm = (vm: string, ...args: string[]) =>
    stage.spawn(process.execPath, [
      'bin/vnet',
      'lab',
      'exec',
      LAB,
      vm,
      '--',
      process.execPath,
      TRANSFER_PROGRAM,
      ...args,
    ]);
  const receiver = inVm('b1', 'receive', String(TRANSFER_PORT));
  let last = 0;
  let samples: number[] = [];
  let watching = false;
  receiver.stdout.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().trim().split('\n')) {
      last = (Number(line) * 8) / (INTERVAL_MS / 1000);
      samples.push(last);
      if (watching && samples.length % 2 === 0) stage.print(`  ${mbps(last).padStart(12)}  ${bar(last)}`);
    }
  });
  let failure = '';
  const sender = inVm('a1', 'send', '10.9.0.21', String(TRANSFER_PORT));
  for (const end of [receiver, sender])
    end.stderr.on('data', (chunk: Buffer) => (failure += chunk.toString()));
  return {
    async watch(forMs: number): Promise<void> {
      samples = [];
      watching = true;
      await new Promise((resolve) => setTimeout(resolve, forMs));
      watching = false;
    },
    /** Median of the second half of what was watched, bits per second. */
    rate(): number {
      if (!samples.some((sample) => sample > 0)) throw new Error(`the transfer carries nothing ${failure}`);
      const steady = samples.slice(Math.floor(samples.length / 2)).sort((a, b) => a - b);
      return steady[Math.floor(steady.length / 2)] ?? 0;
    },
    stop(): void {
      sender.kill('SIGTERM');
      receiver.kill('SIGTERM');
    },
  };
}

const mbps = (bitsPerSecond: number): string => `${(bitsPerSecond / 1e6).toFixed(0)} Mbit/s`;
/** Full at 1 Gbit/s. */
const bar = (bitsPerSecond: number): string =>
  '█'.repeat(Math.round(Math.min(1, bitsPerSecond / 1e9) * BAR_WIDTH));
