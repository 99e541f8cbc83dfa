/**
 * Canonical text of an instance: fields in one order, a host, edge, VM, flow or matrix row a line, what has its default
 * left out. The same instance is the same text, so files can be compared and kept in git.
 */
import { type Objective, OBJECTIVES } from '../model/objective.js';
import type { EdgeCapacity, EdgeMatrix } from '../model/problem.js';
import { INSTANCE_VERSION, type InstanceFile } from './instance-file.js';

/** With its last newline. */
export function printInstance({ name, about, problem, objective, best, bound }: InstanceFile): string {
  const { hosts, edges, vms, flows, shared, apart, together, present } = problem;
  const members: [name: string, text: string | undefined][] = [
    ['vnet-instance', `${INSTANCE_VERSION}`],
    ['name', json(name)],
    ['about', about && json(about)],
    ['objective', objectiveText(objective)],
    [
      'hosts',
      lines(
        hosts.map(({ name, cpus, memoryBytes, localBitsPerSecond, relays }) =>
          json({
            name,
            cpus: size(cpus),
            memoryBytes: size(memoryBytes),
            localBitsPerSecond,
            relays: relays === false ? false : undefined,
          }),
        ),
      ),
    ],
    ['edges', edgesText(edges, hosts.length)],
    [
      'vms',
      lines(
        vms.map(({ name, cpus, memoryBytes, dirtyBytesPerSecond, pinned, allowed }) =>
          json({ name, cpus, memoryBytes, dirtyBytesPerSecond, pinned, allowed }),
        ),
      ),
    ],
    [
      'flows',
      lines(
        flows.map(({ from, to, bitsPerSecond, maxLatencyUs }) =>
          json({ from, to, bitsPerSecond, maxLatencyUs: size(maxLatencyUs) }),
        ),
      ),
    ],
    [
      'shared',
      shared && lines(shared.map(({ name, bitsPerSecond, edges }) => json({ name, bitsPerSecond, edges }))),
    ],
    ['apart', apart && lines(apart.map(json))],
    ['together', together && lines(together.map(json))],
    ['maxHops', numberText(problem.maxHops)],
    ['missingCpuBitsPerSecond', numberText(size(problem.missingCpuBitsPerSecond))],
    ['present', present && json({ mapping: sorted(present.mapping), links: present.links })],
    [
      'best',
      best &&
        json({ value: best.value, solver: best.solver, mapping: sorted(best.mapping), paths: best.paths }),
    ],
    ['bound', bound && json({ value: bound.value, proof: bound.proof })],
  ];
  const texts = members.flatMap(([key, text]) => (text === undefined ? [] : [`  ${json(key)}: ${text}`]));
  return `{\n${texts.join(',\n')}\n}\n`;
}

function json(value: unknown): string {
  return JSON.stringify(value);
}

/** None is Infinity in the model, and absent in JSON. */
function size(value: number | undefined): number | undefined {
  return value === Infinity ? undefined : value;
}

function numberText(value: number | undefined): string | undefined {
  return value === undefined ? undefined : json(value);
}

function lines(items: readonly string[]): string {
  return items.length === 0 ? '[]' : `[\n${items.map((item) => `    ${item}`).join(',\n')}\n  ]`;
}

function objectiveText(objective: Objective): string {
  const known = Object.values(OBJECTIVES).find(({ name }) => name === objective.name);
  return known && json(sorted(known.weights)) === json(sorted(objective.weights))
    ? json(objective.name)
    : json({ name: objective.name, weights: sorted(objective.weights) });
}

function edgesText(edges: readonly EdgeCapacity[] | EdgeMatrix, hosts: number): string {
  if (!('bitsPerSecond' in edges))
    return lines(
      edges.map(({ from, to, bitsPerSecond, latencyUs }) => json({ from, to, bitsPerSecond, latencyUs })),
    );
  const { bitsPerSecond, latencyUs } = edges;
  const rows = (cells: (edge: number) => number) =>
    lines(
      Array.from({ length: hosts }, (_, i) =>
        json(Array.from({ length: hosts }, (_, j) => cells(i * hosts + j))),
      ),
    );
  const between = (edge: number) => edge % (hosts + 1) !== 0 && (bitsPerSecond[edge] as number) > 0;
  return (
    `{"bitsPerSecond": ${rows((edge) => (between(edge) ? (bitsPerSecond[edge] as number) : 0))},\n` +
    `  "latencyUs": ${rows((edge) => (between(edge) ? (latencyUs[edge] as number) : 0))}}`
  );
}

function sorted<Value>(record: Readonly<Record<string, Value>> | object): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
