/** What a lab is made of, as data: the shape that the lab file is parsed into and that programs may write directly. */

/** Properties of a way between hosts. What is left out is taken from the next wider statement. */
export interface PathSpec {
  /** Bits per second on the wire (Ethernet headers included); `null` is no limit, whatever the hosts' access says. */
  rateBps?: number | null;
  /** One way. */
  delayMs?: number;
  /** Uniform, within plus and minus this; packets keep their order. At most the delay counts downwards. */
  jitterMs?: number;
  /** Share of packets lost, 0 to 1. */
  loss?: number;
  /** Share of packets held back so that later ones overtake them, 0 to 1. */
  reorder?: number;
  /** False cuts the way: packets vanish silently. Default true. */
  up?: boolean;
}

/** A host: a namespace with one address in each underlay. Its path properties are those of its access, each way. */
export interface HostSpec extends Omit<PathSpec, 'up'> {
  name: string;
  /** One an underlay, at most; what is missing is handed out in order. */
  addresses?: string[];
  /** Of its underlay interface, bytes. Default 1500. */
  mtu?: number;
  /** CPU quota as a percentage of one CPU (cgroup cfs quota; needs root). Default none. */
  cpuPercent?: number;
  /** Background load as a percentage of one CPU, within the quota. Default none. */
  loadPercent?: number;
}

/** Overrides for one direction between two hosts; `*` is every host. The more exact rule wins, then the later one. */
export interface PathRule extends PathSpec {
  from: string;
  to: string;
}

/** An Ethernet machine in a namespace of its own, `eth0` inside. */
export interface MachineSpec {
  name: string;
  /** Default: made from the lab's counter, locally administered. */
  mac?: string;
  /** Addresses with prefix length. Default none (a DHCP client may bring one). */
  ips?: string[];
  /** Default route. */
  gateway?: string;
  /** Bytes. Default 1500. */
  mtu?: number;
  /**
   * Name of the interface at the host's end, what `packet:` attaches to; default the machine's name and `0`. For a
   * VM also `unix:PATH`: no interface, but a Unix socket at which the host's daemon listens, as QEMU's is joined.
   */
  port?: string;
}

export interface VmSpec extends MachineSpec {
  host: string;
}

/** A segment beside a host: a bridge in the host's namespace with plain machines on it. */
export interface LanSpec {
  host: string;
  bridge: string;
  /** Addresses of the host itself on this segment. */
  ips?: string[];
  clients: MachineSpec[];
}

/** `auto`: netem if the kernel has it, else the emulator. */
export type ImpairMode = 'auto' | 'netem' | 'emulator';

export interface LabSpec {
  /** Networks that host addresses come from: at most one IPv4 and one IPv6. Default 10.77.0.0/24. */
  underlays: string[];
  hosts: HostSpec[];
  paths: PathRule[];
  vms: VmSpec[];
  lans: LanSpec[];
  /** Seed of the emulator's loss, jitter and reordering. Default 1. */
  seed?: number;
  impair?: ImpairMode;
}

export const DEFAULT_UNDERLAY = '10.77.0.0/24';
export const DEFAULT_MTU_BYTES = 1500;
export const MIN_MTU_BYTES = 576;
export const MAX_MTU_BYTES = 9216;
/** Pairs are numbered in 15 bits of a tc class. */
export const MAX_HOSTS = 180;
/** Namespaces are `vl-LAB-NODE`. */
export const NAME_PATTERN = /^[a-z][a-z0-9_-]{0,13}$/i;
/** IFNAMSIZ less the final zero. */
export const MAX_INTERFACE_NAME = 15;
/** What a port begins with that is a Unix socket. */
const SOCKET_KIND = 'unix:';
/** `sun_path` less the final zero, octets. */
export const MAX_SOCKET_PATH = 107;
/** The underlay interface in each host's namespace. */
export const UNDERLAY_INTERFACE = 'u0';

/** A way in one direction with nothing left out. */
export interface Path {
  /** The pair's own limit; `undefined`: the limits of the two accesses hold; `null`: none at all. */
  ownRateBps: number | null | undefined;
  /** What one flow can get at most; `null` if nothing limits it. */
  rateBps: number | null;
  delayMs: number;
  jitterMs: number;
  loss: number;
  reorder: number;
  up: boolean;
}

/** The path of the Unix socket that joins the machine; undefined: a veth does. */
export function socketOf(machine: MachineSpec): string | undefined {
  return machine.port?.startsWith(SOCKET_KIND) ? machine.port.slice(SOCKET_KIND.length) : undefined;
}

/** The machine's port as topologies name it: `packet:web0`, `unix:/run/web.sock`. */
export function portSpecOf(machine: MachineSpec): string {
  return socketOf(machine) === undefined ? `packet:${portOf(machine)}` : portOf(machine);
}

/** The host's end of a machine's wire: an interface's name, or `unix:PATH`. */
export function portOf(machine: MachineSpec): string {
  return machine.port ?? `${machine.name}0`;
}

/** An empty lab, to be filled by a program. */
export function emptySpec(): LabSpec {
  return { underlays: [DEFAULT_UNDERLAY], hosts: [], paths: [], vms: [], lans: [] };
}

const PATH_KEYS = ['rateBps', 'delayMs', 'jitterMs', 'loss', 'reorder', 'up'] as const;

/** Two chances that do not know of each other. */
function either(a: number, b: number): number {
  return a + b - a * b;
}

function lowest(a: number | null | undefined, b: number | null | undefined): number | null {
  const rates = [a, b].filter((rate) => rate !== null && rate !== undefined);
  return rates.length === 0 ? null : Math.min(...rates);
}

/** Rules for this direction folded into one, the most exact last. */
export function ruleFor(spec: LabSpec, from: string, to: string): PathSpec {
  const exactness = (rule: PathRule) => Number(rule.from === from) + Number(rule.to === to);
  const matching = spec.paths
    .filter((rule) => (rule.from === from || rule.from === '*') && (rule.to === to || rule.to === '*'))
    .sort((a, b) => exactness(a) - exactness(b)); // stable: among equals the later one stays later
  const folded: Record<string, unknown> = {};
  for (const rule of matching) {
    for (const key of PATH_KEYS) if (rule[key] !== undefined) folded[key] = rule[key];
  }
  return folded;
}

/** The way from one host to another: a pair's own property replaces what the two accesses add up to. */
export function pathBetween(spec: LabSpec, from: HostSpec, to: HostSpec): Path {
  const rule = ruleFor(spec, from.name, to.name);
  return {
    ownRateBps: rule.rateBps,
    rateBps: rule.rateBps === undefined ? lowest(from.rateBps, to.rateBps) : rule.rateBps,
    delayMs: rule.delayMs ?? (from.delayMs ?? 0) + (to.delayMs ?? 0),
    jitterMs: rule.jitterMs ?? (from.jitterMs ?? 0) + (to.jitterMs ?? 0),
    loss: rule.loss ?? either(from.loss ?? 0, to.loss ?? 0),
    reorder: rule.reorder ?? either(from.reorder ?? 0, to.reorder ?? 0),
    up: rule.up ?? true,
  };
}

/** Every ordered pair of hosts with the indexes of both. */
export function* orderedPairs(
  spec: LabSpec,
): Generator<{ from: HostSpec; to: HostSpec; fromIndex: number; toIndex: number }> {
  for (const [fromIndex, from] of spec.hosts.entries()) {
    for (const [toIndex, to] of spec.hosts.entries()) {
      if (from !== to) yield { from, to, fromIndex, toIndex };
    }
  }
}
