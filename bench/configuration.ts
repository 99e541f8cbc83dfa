/** How long configuration takes, control-API calls included, beside the paper's figures (Virtuoso 3.2 and 6.1.2). */
import { emptyChange, type Topology } from '../core/index.js';
import { emptySpec, type LabSpec } from '../lab/index.js';
import { OverlayLab } from '../lab/index.js';
import { type Figure, median } from './figure.js';

const PRIMITIVE_RUNS = 200;
/** Daemons run for weeks: what is held against the bar is a warm one. What a fresh one takes is a row of its own. */
const WARM_UP_RUNS = 2000;
const FIRST_RUNS = 20;
/** Then the next begins when the handshake and the late writes of the one before are over, and the caches are cold. */
const PAUSE_MS = 5;
const STAR_HOSTS = 8;
const STAR_RUNS = 5;
const MESH_VMS = 28;
const MESH_RUNS = 5;

const mac = (n: number) =>
  `02:00:00:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`;

/** `hosts` daemons beside the Proxy on an undelayed underlay, a VM each. */
function spec(hosts: number): LabSpec {
  const lab = emptySpec();
  lab.hosts.push({ name: 'home' });
  for (let i = 1; i <= hosts; i++) {
    lab.hosts.push({ name: `h${i}` });
    lab.vms.push({ name: `v${i}`, host: `h${i}`, mac: mac(i), ips: [`10.9.0.${i}/24`] });
  }
  return lab;
}

export async function configurationFigures(): Promise<Figure[]> {
  return [...(await primitives()), await star(), await mesh()];
}

async function primitives(): Promise<Figure[]> {
  const overlay = await OverlayLab.make(spec(2));
  try {
    const client = overlay.client();
    await client.apply({ kind: 'target', topology: overlay.topology() });
    await overlay.whole();
    const unit = 'ms';
    const figures = async (name: string, list: 'links' | 'rules', statement: object): Promise<Figure[]> => {
      const ask = (run: number) => {
        const change = emptyChange();
        (change[run % 2 === 0 ? 'add' : 'remove'][list] as object[]).push(statement);
        return client.apply({ kind: 'change', change });
      };
      const cold = await timed(ask, FIRST_RUNS, PAUSE_MS);
      await timed(ask, WARM_UP_RUNS, 0);
      const [close, apart] = [
        await timed(ask, PRIMITIVE_RUNS, 0),
        await timed(ask, PRIMITIVE_RUNS, PAUSE_MS),
      ];
      const bar = (samples: number[]) => ({ beside: 'paper 20 ms, bar 2 ms', met: median(samples) <= 2 });
      return [
        { name: `${name}, one after the other`, unit, samples: close, ...bar(close) },
        { name: `${name}, ${PAUSE_MS} ms apart`, unit, samples: apart, ...bar(apart) },
        { name: `${name}: the first ${FIRST_RUNS}`, unit, samples: cold, beside: 'daemons just started' },
      ];
    };
    const floor = async (name: string, beside: string, ask: () => Promise<unknown>): Promise<Figure[]> => {
      await timed(ask, WARM_UP_RUNS, 0);
      return [
        { name, unit, samples: await timed(ask, PRIMITIVE_RUNS, 0), beside },
        {
          name: `${name}, ${PAUSE_MS} ms apart`,
          unit,
          samples: await timed(ask, PRIMITIVE_RUNS, PAUSE_MS),
          beside,
        },
      ];
    };
    return [
      ...(await figures('add or delete a link', 'links', { type: 'udp', a: 'h1', b: 'h2' })),
      ...(await figures('add or delete a rule', 'rules', {
        network: 'lab',
        host: 'h1',
        source: { kind: 'any' },
        destination: { kind: 'exact', mac: '02:00:00:00:77:77' },
        actions: [{ kind: 'edge', peer: 'home' }],
      })),
      ...(await floor('a call that changes nothing', 'of each primitive', () => client.sight())),
      ...(await floor('the same, asked at a host, answered by the Proxy', 'a primitive goes as far', () =>
        overlay.client('h1').sight(),
      )),
    ];
  } finally {
    await overlay.close();
  }
}

/** Milliseconds of each, with a pause between. */
async function timed(
  ask: (run: number) => Promise<unknown>,
  runs: number,
  pauseMs: number,
): Promise<number[]> {
  const samples: number[] = [];
  for (let run = 0; run < runs; run++) {
    const startedAt = performance.now();
    await ask(run);
    samples.push(performance.now() - startedAt);
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return samples;
}

/** From connected daemons to the first ping between two VMs, across the Proxy. */
async function star(): Promise<Figure> {
  const samples: number[] = [];
  for (let run = 0; run < STAR_RUNS; run++) {
    const overlay = await OverlayLab.make(spec(STAR_HOSTS));
    try {
      await knowEachOther(overlay);
      const answered = firstPing(overlay, 'v1', `10.9.0.${STAR_HOSTS}`);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const startedAt = performance.now();
      await overlay.client().apply({ kind: 'target', topology: overlay.topology() });
      samples.push((await answered) - startedAt);
    } finally {
      await overlay.close();
    }
  }
  return {
    name: `star of ${STAR_HOSTS} daemons to the first ping`,
    unit: 'ms',
    samples,
    beside: 'paper 940 ms, bar 100 ms',
    met: median(samples) <= 100,
  };
}

/** Neighbour entries that stand: a lost ARP request is repeated after 1 s, which would hide what is measured. */
async function knowEachOther(overlay: OverlayLab): Promise<void> {
  for (const vm of overlay.lab.vms) {
    for (let i = 1; i <= STAR_HOSTS; i++) {
      if (vm.name === `v${i}`) continue;
      const entry = ['neigh', 'replace', `10.9.0.${i}`, 'lladdr', mac(i), 'dev', 'eth0', 'nud', 'permanent'];
      await vm.run(['ip', ...entry]);
    }
  }
}

/** Pings every 5 ms; resolves with the time of the first answer. */
function firstPing(overlay: OverlayLab, from: string, address: string): Promise<number> {
  const child = overlay.lab.vm(from).spawn(['ping', '-n', '-i', '0.005', '-W', '1', address], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return new Promise((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      if (!chunk.toString().includes('bytes from')) return;
      resolve(performance.now());
      child.kill('SIGTERM');
    });
    child.once('close', () => reject(new Error('ping ended without an answer')));
  });
}

/** All-to-all links among the hosts and a route for every pair of 28 VMs, from the request to the last acknowledgement. */
async function mesh(): Promise<Figure> {
  const lab = spec(STAR_HOSTS);
  lab.vms = [];
  for (let i = 0; i < MESH_VMS; i++) {
    lab.vms.push({
      name: `v${i}`,
      host: `h${(i % STAR_HOSTS) + 1}`,
      mac: mac(i + 1),
      ips: [`10.9.0.${i + 1}/24`],
    });
  }
  const overlay = await OverlayLab.make(lab);
  try {
    const client = overlay.client();
    const base = overlay.topology();
    await client.apply({ kind: 'target', topology: base });
    await overlay.whole();
    const full = allToAll(base);
    const samples: number[] = [];
    for (let run = 0; run < MESH_RUNS; run++) {
      const startedAt = performance.now();
      await client.apply({ kind: 'target', topology: full });
      samples.push(performance.now() - startedAt);
      await client.apply({ kind: 'target', topology: base });
    }
    return {
      name: `all-to-all links and rules among ${MESH_VMS} VMs`,
      unit: 'ms',
      samples,
      beside: 'paper 20,500 ms, bar 500 ms',
      met: median(samples) <= 500,
    };
  } finally {
    await overlay.close();
  }
}

function allToAll(base: Topology): Topology {
  const hosts = base.hosts.filter((host) => !host.proxy).map((host) => host.name);
  const links = hosts.flatMap((a, i) => hosts.slice(i + 1).map((b) => ({ type: 'udp' as const, a, b })));
  const routes = base.vms.flatMap((from, i) =>
    base.vms
      .slice(i + 1)
      .filter((to) => to.host !== from.host)
      .map((to) => ({ network: 'lab', from: from.name, to: to.name, both: true, via: [from.host, to.host] })),
  );
  return { ...base, links, routes };
}
