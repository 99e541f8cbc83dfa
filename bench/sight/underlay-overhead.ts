/** What measuring costs the overlay: one TCP stream between two VMs over a full link, with measuring off and on in turn. */
import { emptySpec, OverlayLab } from '../../lab/index.js';
import { type Figure, median } from '../figure.js';

const RATE_BPS = 100e6;
const PROBE_SHARE = 0.01;
const ROUNDS = 5;
const SECONDS = 5;
const LOSS_MAX_PERCENT = 1;
const ADDRESS = (n: number) => `10.9.0.${n}`;

export async function overheadFigure(): Promise<Figure> {
  const spec = emptySpec();
  spec.hosts.push({ name: 'home' }, { name: 'a' }, { name: 'b' });
  for (const [from, to] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    spec.paths.push({ from, to, rateBps: RATE_BPS });
  }
  spec.vms.push(
    { name: 'v1', host: 'a', mac: '02:00:00:00:00:01', ips: [`${ADDRESS(1)}/24`] },
    { name: 'v2', host: 'b', mac: '02:00:00:00:00:02', ips: [`${ADDRESS(2)}/24`] },
  );
  const overlay = await OverlayLab.make(spec, { name: `wren${process.pid}` });
  try {
    await overlay.client().apply({
      kind: 'target',
      topology: overlay.topology({
        links: [{ type: 'udp', a: 'a', b: 'b' }],
        routes: [{ network: 'lab', from: 'v1', to: 'v2', both: true, via: ['a', 'b'] }],
      }),
    });
    await overlay.whole();
    await overlay.until('the direct link', async () =>
      (await overlay.client('a').local()).links.some((link) => link.peer === 'b' && link.up),
    );
    return await measure(overlay);
  } finally {
    await overlay.close();
  }
}

async function measure(overlay: OverlayLab): Promise<Figure> {
  const samples: number[] = [];
  await transfer(overlay);
  for (let round = 0; round < ROUNDS; round++) {
    const rates = { off: 0, on: 0 };
    for (const mode of round % 2 === 0 ? (['off', 'on'] as const) : (['on', 'off'] as const)) {
      await overlay.client().setSight({ probeShare: mode === 'on' ? PROBE_SHARE : 0 });
      rates[mode] = await transfer(overlay);
    }
    samples.push((1 - rates.on / rates.off) * 100);
  }
  return {
    name: 'what measuring takes of one TCP stream over a full 100 Mbit/s link',
    unit: '%',
    samples,
    beside: `bar ${LOSS_MAX_PERCENT}%`,
    met: median(samples) < LOSS_MAX_PERCENT,
  };
}

/** Bits a second. */
async function transfer(overlay: OverlayLab): Promise<number> {
  const server = overlay.lab.vm('v2').spawn(['iperf3', '-s', '-1'], { stdio: 'ignore' });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const { stdout, stderr } = await overlay.lab
    .vm('v1')
    .run(['iperf3', '-J', '-C', 'cubic', '-t', String(SECONDS), '-c', ADDRESS(2)]);
  server.kill('SIGTERM');
  const report = JSON.parse(stdout || '{}') as { end?: { sum_received?: { bits_per_second: number } } };
  const rate = report.end?.sum_received?.bits_per_second;
  if (rate === undefined) throw new Error(`iperf3 measured nothing: ${stderr || stdout}`);
  return rate;
}
