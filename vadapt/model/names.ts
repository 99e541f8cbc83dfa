/** From names to indexes: a name is unique among its kind, and a name that is nobody's is refused. */
import { invalid } from './amounts.js';

export class Names {
  readonly #hosts: ReadonlyMap<string, number>;
  readonly #vms: ReadonlyMap<string, number>;

  constructor(hosts: readonly { name: string }[], vms: readonly { name: string }[]) {
    this.#hosts = numbered('host', hosts);
    this.#vms = numbered('VM', vms);
  }

  host(name: string): number {
    return known(this.#hosts, 'host', name);
  }

  vm(name: string): number {
    return known(this.#vms, 'VM', name);
  }

  /** Edge `from` x hosts + `to`. */
  edge(from: string, to: string): number {
    if (from === to)
      throw invalid(`an edge leads from ${from} to itself`, 'localBitsPerSecond says what a host has within');
    return this.host(from) * this.#hosts.size + this.host(to);
  }
}

function numbered(kind: string, named: readonly { name: string }[]): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const { name } of named) {
    if (name === '') throw invalid(`a ${kind} has no name`);
    if (numbers.has(name)) throw invalid(`two ${kind}s are called ${name}`);
    numbers.set(name, numbers.size);
  }
  return numbers;
}

function known(numbers: ReadonlyMap<string, number>, kind: string, name: string): number {
  const found = numbers.get(name);
  if (found === undefined) throw invalid(`no ${kind} is called ${name}`);
  return found;
}
