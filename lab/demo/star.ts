/** The first chapter: a resilient star from a script, a direct link added under load, the Proxy's death. */
import { bringUp, killDaemon, makeDemoLab, ping, PROXY, untilPing } from './demo-overlay.js';
import { mbps } from './rates.js';
import { INTERVAL_MS, TRANSFER_PROGRAM } from './transfer.js';
import type { Stage } from './stage.js';

const TRANSFER_PORT = 5001;
const BEFORE_MS = 6000;
const AFTER_MS = 6000;
const BAR_WIDTH = 40;

export async function starChapter(stage: Stage, keep: boolean): Promise<void> {
  stage.heading('A lab: four hosts, 20 ms and 100 Mbit/s from the Proxy');
  await makeDemoLab(stage, 'star.lab');
  stage.print('  five hosts and eight VMs, each a network namespace');

  stage.heading('The star, from a script');
  stage.print(stage.faint(`$ vnet up examples/star.vnet --lab ${stage.lab}`));
  await bringUp(stage, 'star.vnet');
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
  const pid = killDaemon(stage, PROXY);
  stage.print(`  killed process ${pid}`);
  await ping(stage, 'a1', '10.9.0.21', 'a1 to b1 still, on the direct link');
  const restartedAt = performance.now();
  await bringUp(stage, 'direct.vnet');
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
    `  bin/vnet lab exec ${stage.lab} c1 -- ping 10.9.0.41     from VM to VM`,
    '  bin/vnet events                                 what happens, as it happens',
    '',
    `  remove it with: bin/vnet down; bin/vnet lab down ${stage.lab}; rm -r ${stage.directory}`,
  );
}

function startTransfer(stage: Stage) {
  const inVm = (vm: string, ...args: string[]) =>
    stage.spawn(process.execPath, [
      'bin/vnet',
      'lab',
      'exec',
      stage.lab,
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

/** Full at 1 Gbit/s. */
const bar = (bitsPerSecond: number): string =>
  '█'.repeat(Math.round(Math.min(1, bitsPerSecond / 1e9) * BAR_WIDTH));
