/** The intent as it is stored, the journal of a change under way, and the topology they mean as a whole. */
import {
  DEFAULT_NETWORK,
  emptyTopology,
  type Endpoint,
  type Host,
  shapeHosts,
  type Store,
  type Topology,
  VnetError,
} from '../core/index.js';
import type { LinkIdentities } from './lowering/index.js';

export interface Intent {
  /** Of every write: a journal with a higher one was not finished. */
  serial: number;
  /** Of what the user owns. */
  revision: number;
  /** What the user owns. */
  topology: Topology;
  /** By network identifier in decimal. */
  epochs: Record<string, number>;
  identities: LinkIdentities;
  /** The upper bound that the user set, milliseconds. */
  boundMs?: number;
  /** The slowest change so far, milliseconds. */
  measuredMs: number;
  /** Starts of the Proxy: revisions of host configurations begin at `generation * REVISIONS_A_START`. */
  generation: number;
}

/** Written before the first step of a change. */
export interface Journal {
  serial: number;
  hosts: string[];
  epochs: Record<string, number>;
  /** What the change leads to, where it may be completed instead of undone. */
  intent?: Intent;
}

/** Host revisions of one start of the Proxy, so that none is ever used for two configurations. */
export const REVISIONS_A_START = 2 ** 24;

/** The intent of before, with the generation moved on and stored. An unfinished change is completed or undone. */
export async function loadIntent(store: Store): Promise<{ intent: Intent; unfinished: Journal | undefined }> {
  const stored = (await store.read('intent')) as Intent | undefined;
  const journal = (await store.read('journal')) as Journal | undefined;
  const before: Intent = stored ?? {
    serial: 0,
    revision: 0,
    topology: emptyTopology(),
    epochs: {},
    identities: {},
    measuredMs: 0,
    generation: 0,
  };
  const unfinished = journal !== undefined && journal.serial > before.serial ? journal : undefined;
  const intent = unfinished?.intent ?? before;
  // Hosts may stamp the epoch after the stored one, from a change that was not finished: never use it again.
  const epochs = Object.fromEntries(
    Object.entries({ ...unfinished?.epochs, ...intent.epochs }).map(([id, epoch]) => [
      id,
      epoch + (unfinished ? 2 : 0),
    ]),
  );
  const serial = Math.max(intent.serial, journal?.serial ?? 0) + 1;
  const next = { ...intent, serial, epochs, generation: intent.generation + 1 };
  await store.write('intent', next);
  if (journal) await store.remove('journal');
  return { intent: next, unfinished };
}

/** The user's statements, with the Proxy, the hosts that joined by themselves, and the default network. */
export function completeTopology(
  user: Topology,
  proxy: { name: string; endpoint?: Endpoint | undefined },
  autoHosts: Iterable<Host>,
): Topology {
  const rival = user.hosts.find((host) => host.proxy && host.name !== proxy.name);
  if (rival) {
    throw new VnetError(
      'VNET_ERR_INVALID',
      `the topology says that ${rival.name} is the Proxy, but it is ${proxy.name}`,
      {
        hint: `write "proxy ${proxy.name}", or ask the daemon of ${rival.name}`,
      },
    );
  }
  const endpoint = proxy.endpoint === undefined ? {} : { endpoint: proxy.endpoint };
  const hosts = new Map<string, Host>([[proxy.name, { name: proxy.name, proxy: true, ...endpoint }]]);
  for (const host of autoHosts) hosts.set(host.name, host);
  for (const host of user.hosts) {
    hosts.set(host.name, host.name === proxy.name ? { ...endpoint, ...host, proxy: true } : host);
  }
  const networks = [...user.networks];
  const named = [user.vms, user.ports, user.shapes, user.routes, user.rules].flatMap((list) =>
    list.map(({ network }) => network),
  );
  if (named.includes(DEFAULT_NETWORK) && !networks.some(({ name }) => name === DEFAULT_NETWORK)) {
    networks.push({ name: DEFAULT_NETWORK });
  }
  // A shape of "every host" means every host that the user named, not those that joined by themselves as well.
  const shapes = user.shapes.map((shape) =>
    shape.hosts.length > 0 ? shape : { ...shape, hosts: shapeHosts(shape, user) },
  );
  return { ...user, networks, shapes, hosts: [...hosts.values()] };
}
