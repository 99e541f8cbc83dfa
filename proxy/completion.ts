/** The topology as a whole: what the user says, and what is there without a statement. */
import {
  DEFAULT_NETWORK,
  type Endpoint,
  type Host,
  type Network,
  type Shape,
  shapeHosts,
  type Topology,
  VnetError,
} from '../core/index.js';

/** Adds the Proxy, the hosts that joined by themselves and the default network; lists that stay the same are the same. */
export class Completion {
  readonly #proxy: Host;
  #auto: ReadonlyMap<string, Host> = new Map();
  #hosts = new WeakMap<readonly Host[], Host[]>();
  readonly #networks = new WeakMap<readonly Network[], Network[]>();
  readonly #needDefault = new WeakMap<readonly object[], boolean>();
  readonly #shapes = new WeakMap<readonly Shape[], { hosts: readonly Host[]; shapes: Shape[] }>();

  constructor(name: string, endpoint: Endpoint | undefined) {
    this.#proxy = { name, proxy: true, ...(endpoint === undefined ? {} : { endpoint }) };
  }

  /** `auto`: replaced, never changed in place. Throws where the user names another Proxy. */
  complete(user: Topology, auto: ReadonlyMap<string, Host>): Topology {
    if (auto !== this.#auto) this.#hosts = new WeakMap();
    this.#auto = auto;
    const hosts = this.#hosts.get(user.hosts) ?? this.#completeHosts(user.hosts);
    return { ...user, networks: this.#completeNetworks(user), shapes: this.#completeShapes(user), hosts };
  }

  #completeHosts(named: Host[]): Host[] {
    const { name, endpoint } = this.#proxy;
    const rival = named.find((host) => host.proxy && host.name !== name);
    if (rival) {
      throw new VnetError(
        'VNET_ERR_INVALID',
        `the topology says that ${rival.name} is the Proxy, but it is ${name}`,
        { hint: `write "proxy ${name}", or ask the daemon of ${rival.name}` },
      );
    }
    const hosts = new Map<string, Host>([[name, this.#proxy]]);
    for (const host of this.#auto.values()) hosts.set(host.name, host);
    for (const host of named) {
      const own = host.name === name ? { ...(endpoint ? { endpoint } : {}), ...host, proxy: true } : host;
      hosts.set(host.name, own);
    }
    const list = [...hosts.values()];
    this.#hosts.set(named, list);
    return list;
  }

  #completeNetworks({ networks, vms, ports, shapes, routes, rules }: Topology): Network[] {
    const isNamed = [vms, ports, shapes, routes, rules].some((list) => this.#namesDefault(list));
    if (!isNamed || networks.some(({ name }) => name === DEFAULT_NETWORK)) return networks;
    const known = this.#networks.get(networks);
    if (known) return known;
    const more = [...networks, { name: DEFAULT_NETWORK }];
    this.#networks.set(networks, more);
    return more;
  }

  #namesDefault(list: readonly { network: string }[]): boolean {
    const known = this.#needDefault.get(list);
    if (known !== undefined) return known;
    const names = list.some(({ network }) => network === DEFAULT_NETWORK);
    this.#needDefault.set(list, names);
    return names;
  }

  /** A shape of "every host" means every host that the user named, not those that joined by themselves as well. */
  #completeShapes(user: Topology): Shape[] {
    const known = this.#shapes.get(user.shapes);
    if (known?.hosts === user.hosts) return known.shapes;
    if (user.shapes.every((shape) => shape.hosts.length > 0)) return user.shapes;
    const shapes = user.shapes.map((shape) =>
      shape.hosts.length > 0 ? shape : { ...shape, hosts: shapeHosts(shape, user) },
    );
    this.#shapes.set(user.shapes, { hosts: user.hosts, shapes });
    return shapes;
  }
}
