/** Resident memory of idle daemons. */
import { emptySpec } from '../lab/index.js';
import { OverlayLab } from '../lab/index.js';
import { type Figure, median } from './figure.js';

const HOSTS = 3;
const SETTLE_MS = 5000;
const MEGABYTE = 1e6;

export async function memoryFigures(): Promise<Figure[]> {
  const spec = emptySpec();
  spec.hosts.push({ name: 'home' });
  for (let i = 1; i <= HOSTS; i++) spec.hosts.push({ name: `h${i}` });
  const overlay = await OverlayLab.make(spec);
  try {
    await overlay.client().apply({ kind: 'target', topology: overlay.topology() });
    await overlay.whole();
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const resident = async (host: string) => (await overlay.client(host).local()).residentBytes / MEGABYTE;
    const hosts = await Promise.all(Array.from({ length: HOSTS }, (_, i) => resident(`h${i + 1}`)));
    const proxy = [await resident('home')];
    return [
      {
        name: "a host's daemon, resident, idle",
        unit: 'MB',
        samples: hosts,
        beside: 'bar 90 MB',
        met: median(hosts) < 90,
      },
      {
        name: "the Proxy's daemon, resident, idle",
        unit: 'MB',
        samples: proxy,
        beside: 'bar 120 MB',
        met: median(proxy) < 120,
      },
    ];
  } finally {
    await overlay.close();
  }
}
