/** The lab file: one statement a line, `#` starts a comment. README.md beside this file describes it. */

import { parseMac, VnetError } from '../core/index.js';
import { type FileKind, fileKind } from '../lang/index.js';
import { checkInterfaceAddress, familyOf } from './address.js';
import { checkSpec, MAX_CPU_PERCENT, MIN_CPU_PERCENT } from './check.js';
import {
  DEFAULT_UNDERLAY,
  emptySpec,
  type HostSpec,
  type LabSpec,
  type MachineSpec,
  MAX_MTU_BYTES,
  MIN_MTU_BYTES,
  type PathSpec,
} from './spec.js';
import { parsePercent, parseRate, parseShare, parseTimeMs, parseWhole } from './units.js';

/** One mistake in a lab file. */
export interface LabProblem {
  line: number;
  message: string;
}

/** The words of a line, read one after the other. */
class Words {
  #at = 0;
  readonly #words: string[];

  constructor(line: string) {
    this.#words = line
      .replace(/#.*/, '')
      .split(/\s+/)
      .filter((word) => word !== '');
  }

  get done(): boolean {
    return this.#at >= this.#words.length;
  }

  next(expected: string): string {
    const word = this.#words[this.#at++];
    if (word === undefined) throw wrong(expected, 'the end of the line');
    return word;
  }

  peek(): string | undefined {
    return this.#words[this.#at];
  }

  literal(word: string): void {
    const got = this.next(`'${word}'`);
    if (got !== word) throw wrong(`'${word}'`, `'${got}'`);
  }

  end(): void {
    if (!this.done) throw wrong('the end of the line', `'${this.peek()}'`);
  }
}

function wrong(expected: string, got: string): VnetError {
  return new VnetError('VNET_ERR_INVALID', `expected ${expected}, got ${got}`);
}

type Readers<T> = Record<string, (target: T, words: Words) => void>;

const PATH_READERS: Readers<PathSpec> = {
  rate: (path, words) => void (path.rateBps = parseRate(words.next('a rate'))),
  delay: (path, words) => void (path.delayMs = parseTimeMs(words.next('a time'))),
  jitter: (path, words) => void (path.jitterMs = parseTimeMs(words.next('a time'))),
  loss: (path, words) => void (path.loss = parseShare(words.next('a percentage'))),
  reorder: (path, words) => void (path.reorder = parseShare(words.next('a percentage'))),
};

const PAIR_READERS: Readers<PathSpec> = {
  ...PATH_READERS,
  up: (path) => void (path.up = true),
  down: (path) => void (path.up = false),
};

const readMtu = (target: { mtu?: number }, words: Words) =>
  void (target.mtu = parseWhole(words.next('a size in bytes'), MIN_MTU_BYTES, MAX_MTU_BYTES));

const HOST_READERS: Readers<HostSpec> = {
  ...PATH_READERS,
  mtu: readMtu,
  address: (host, words) => {
    const address = words.next('an IP address');
    if (familyOf(address) === undefined) throw wrong('an IP address', `'${address}'`);
    host.addresses = [...(host.addresses ?? []), address];
  },
};

const MACHINE_READERS: Readers<MachineSpec> = {
  mac: (machine, words) => void (machine.mac = parseMac(words.next('a MAC address'))),
  ip: (machine, words) =>
    void (machine.ips = [...(machine.ips ?? []), checkInterfaceAddress(words.next('an address'))]),
  gateway: (machine, words) => {
    const address = words.next('an IP address');
    if (familyOf(address) === undefined) throw wrong('an IP address', `'${address}'`);
    machine.gateway = address;
  },
  mtu: readMtu,
  port: (machine, words) => void (machine.port = words.next("an interface name or 'unix:PATH'")),
};

function readOptions<T>(target: T, words: Words, readers: Readers<T>): T {
  while (!words.done) {
    const key = words.next('an option');
    const reader = Object.hasOwn(readers, key) ? readers[key] : undefined;
    if (reader === undefined) throw wrong(`one of ${Object.keys(readers).join(', ')}`, `'${key}'`);
    reader(target, words);
  }
  return target;
}

function hostOf(spec: LabSpec, name: string): HostSpec {
  const host = spec.hosts.find((known) => known.name === name);
  if (host === undefined) throw wrong('a host declared on an earlier line', `'${name}'`);
  return host;
}

const STATEMENTS: Record<string, (spec: LabSpec, words: Words) => void> = {
  underlay: (spec, words) => void spec.underlays.push(words.next('a network such as 10.77.0.0/24')),
  host: (spec, words) => {
    const name = words.next('a host name');
    if (spec.hosts.some((known) => known.name === name)) throw wrong('a new host name', `'${name}' again`);
    spec.hosts.push(readOptions({ name }, words, HOST_READERS));
  },
  pair: (spec, words) => {
    const from = words.next("a host or '*'");
    const to = words.next("a host or '*'");
    const options = readOptions({}, words, PAIR_READERS);
    spec.paths.push({ from, to, ...options }, { from: to, to: from, ...options });
  },
  path: (spec, words) => {
    const from = words.next("a host or '*'");
    const to = words.next("a host or '*'");
    spec.paths.push({ from, to, ...readOptions({}, words, PAIR_READERS) });
  },
  vm: (spec, words) => {
    const name = words.next('a VM name');
    words.literal('on');
    const host = hostOf(spec, words.next('a host')).name;
    spec.vms.push(readOptions({ name, host }, words, MACHINE_READERS));
  },
  lan: readLan,
  cpu: (spec, words) => {
    const host = hostOf(spec, words.next('a host'));
    host.cpuPercent = parsePercent(words.next('a percentage'), MIN_CPU_PERCENT, MAX_CPU_PERCENT);
    words.end();
  },
  load: (spec, words) => {
    const host = hostOf(spec, words.next('a host'));
    host.loadPercent = parsePercent(words.next('a percentage'), 1, 100);
    words.end();
  },
  seed: (spec, words) => {
    spec.seed = parseWhole(words.next('a number'), 0, 2 ** 48);
    words.end();
  },
  impair: (spec, words) => {
    const mode = words.next("'auto', 'netem' or 'emulator'");
    if (mode !== 'auto' && mode !== 'netem' && mode !== 'emulator') {
      throw wrong("'auto', 'netem' or 'emulator'", `'${mode}'`);
    }
    spec.impair = mode;
    words.end();
  },
};

function readLan(spec: LabSpec, words: Words): void {
  const host = hostOf(spec, words.next('a host')).name;
  const bridge = words.next('a bridge name');
  let lan = spec.lans.find((known) => known.host === host && known.bridge === bridge);
  const isNew = lan === undefined;
  lan ??= { host, bridge, clients: [] };
  while (words.peek() === 'ip') {
    words.literal('ip');
    lan.ips = [...(lan.ips ?? []), checkInterfaceAddress(words.next('an address'))];
  }
  if (!words.done) {
    words.literal('client');
    lan.clients.push(readOptions({ name: words.next('a client name') }, words, MACHINE_READERS));
  }
  if (isNew) spec.lans.push(lan);
}

/** One error for a file of another kind, instead of one for each of its lines. */
function refuseOthers(file: string, kind: FileKind): void {
  if (kind.kind !== 'foreign' && kind.kind !== 'script') return;
  const what = kind.kind === 'foreign' ? kind.what : 'a topology script';
  throw new VnetError('VNET_ERR_INVALID', `${file} is no lab file; it seems to be ${what}`, {
    hint:
      kind.kind === 'script'
        ? `\`vnet check ${file}\` reads it, \`vnet up ${file}\` starts its daemons; lab/README.md has the lab file`
        : 'lab/README.md has the lab file: "host a", "pair a b delay 20ms" and so on',
  });
}

/**
 * Reads a lab file. All mistakes of all lines are reported at once: VNET_ERR_INVALID with `details: LabProblem[]`.
 * @param file name used in messages
 */
export function parseLab(text: string, file = 'lab'): LabSpec {
  const spec: LabSpec = { ...emptySpec(), underlays: [] };
  const problems: LabProblem[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const words = new Words(line);
    if (words.done) continue;
    try {
      const verb = words.next('a statement');
      const read = Object.hasOwn(STATEMENTS, verb) ? STATEMENTS[verb] : undefined;
      if (read === undefined) throw wrong(`one of ${Object.keys(STATEMENTS).join(', ')}`, `'${verb}'`);
      read(spec, words);
      words.end();
    } catch (error) {
      problems.push({ line: index + 1, message: VnetError.from(error).message });
    }
  }
  if (spec.underlays.length === 0) spec.underlays.push(DEFAULT_UNDERLAY);
  if (problems.length > 0) {
    refuseOthers(file, fileKind(text));
    const list = problems.map((problem) => `${file}:${problem.line}: ${problem.message}`).join('\n');
    throw new VnetError('VNET_ERR_INVALID', list, {
      details: problems,
      hint: 'see lab/README.md for the lab file',
    });
  }
  checkSpec(spec, file);
  return spec;
}
