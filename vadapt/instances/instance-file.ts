/** Instances as files: version 1 of the format that docs/instances.md describes. Reading; print-instance.ts writes. */
import { VnetError } from '../../core/index.js';
import { compile } from '../model/compile.js';
import type { Instance } from '../model/instance.js';
import { type Objective, objectiveNamed, OBJECTIVES, weighted } from '../model/objective.js';
import type { EdgeCapacity, EdgeMatrix, Problem } from '../model/problem.js';
import { type Field, optional, parseJson } from './fields.js';
import { type NamedPlacement, readPlacement } from './named-placement.js';

export const INSTANCE_VERSION = 1;

export interface InstanceFile {
  name: string;
  /** Where it is from, a sentence. */
  about?: string;
  problem: Problem;
  objective: Objective;
  /** The best answer that is known; it proves its value. */
  best?: StoredBest;
  bound?: StoredBound;
}

export interface StoredBest extends NamedPlacement {
  value: number;
  /** Who found it. */
  solver: string;
}

/** No answer has a greater value. */
export interface StoredBound {
  value: number;
  /** How that is known: method, program, date. */
  proof: string;
}

/** What `parseInstance` found, compiled: it has to be compiled to be checked. */
export interface ParsedInstance extends InstanceFile {
  instance: Instance;
}

/**
 * @param file for the messages
 * @throws VNET_ERR_INVALID with file, field and what to do; VNET_ERR_UNSUPPORTED for another version.
 */
export function parseInstance(text: string, file: string): ParsedInstance {
  const root = parseJson(text, file);
  checkVersion(root, file);
  const field = root.fields(
    'vnet-instance',
    'name',
    'about',
    'objective',
    'hosts',
    'edges',
    'vms',
    'flows',
    'shared',
    'apart',
    'together',
    'maxHops',
    'missingCpuBitsPerSecond',
    'present',
    'best',
    'bound',
  );
  const problem = readProblem(field);
  const read: InstanceFile = {
    name: field.name.text(),
    ...optional('about', field.about, (about) => about.text()),
    problem,
    objective: readObjective(field.objective),
    ...optional('best', field.best, readBest),
    ...optional('bound', field.bound, readBound),
  };
  try {
    return { ...read, instance: compile(problem) };
  } catch (thrown) {
    const { code, message, hint } = VnetError.from(thrown);
    throw new VnetError(code, `${file}: ${message}`, {
      ...(hint === undefined ? {} : { hint }),
      cause: thrown,
    });
  }
}

function checkVersion(root: Field, file: string): void {
  const version = root.entries().get('vnet-instance');
  if (version === undefined)
    throw new VnetError('VNET_ERR_INVALID', `${file} is no instance file: "vnet-instance" is missing`, {
      hint: 'docs/instances.md describes the format, `vnet adapt instances --out DIR` writes examples',
    });
  if (version.value !== INSTANCE_VERSION)
    throw new VnetError(
      'VNET_ERR_UNSUPPORTED',
      `${file} has version ${String(version.value)} of the format`,
      {
        hint: `this vnet reads version ${INSTANCE_VERSION}`,
      },
    );
}

type ProblemField =
  | 'hosts'
  | 'edges'
  | 'vms'
  | 'flows'
  | 'shared'
  | 'apart'
  | 'together'
  | 'maxHops'
  | 'missingCpuBitsPerSecond'
  | 'present';

function readProblem(field: Record<ProblemField, Field>): Problem {
  const sets = (sets: Field) => sets.list().map((set) => set.texts());
  return {
    hosts: field.hosts.list().map(readHost),
    edges: readEdges(field.edges),
    vms: field.vms.list().map(readVm),
    flows: field.flows.list().map(readFlow),
    ...optional('shared', field.shared, (shared) => shared.list().map(readShared)),
    ...optional('apart', field.apart, sets),
    ...optional('together', field.together, sets),
    ...optional('maxHops', field.maxHops, (hops) => hops.number(1)),
    ...optional('missingCpuBitsPerSecond', field.missingCpuBitsPerSecond, (bits) => bits.amount()),
    ...optional('present', field.present, readPresent),
  };
}

function readHost(host: Field): Problem['hosts'][number] {
  const field = host.fields('name', 'cpus', 'memoryBytes', 'localBitsPerSecond', 'relays');
  return {
    name: field.name.text(),
    ...optional('cpus', field.cpus, (cpus) => cpus.amount()),
    ...optional('memoryBytes', field.memoryBytes, (bytes) => bytes.amount()),
    ...optional('localBitsPerSecond', field.localBitsPerSecond, (bits) => bits.amount()),
    ...optional('relays', field.relays, (relays) => relays.flag()),
  };
}

function readEdges(edges: Field): readonly EdgeCapacity[] | EdgeMatrix {
  if (!Array.isArray(edges.value)) {
    const field = edges.fields('bitsPerSecond', 'latencyUs');
    return { bitsPerSecond: readRows(field.bitsPerSecond), latencyUs: readRows(field.latencyUs) };
  }
  return edges.list().map((edge) => {
    const field = edge.fields('from', 'to', 'bitsPerSecond', 'latencyUs');
    return {
      from: field.from.text(),
      to: field.to.text(),
      bitsPerSecond: field.bitsPerSecond.amount(),
      latencyUs: field.latencyUs.amount(),
    };
  });
}

/** A row a host; a million numbers are read without a field each. */
function readRows(matrix: Field): Float64Array {
  const rows = matrix.list();
  const cells = new Float64Array(rows.length ** 2);
  for (const [i, row] of rows.entries()) {
    const values = Array.isArray(row.value) ? (row.value as unknown[]) : row.fail('a list');
    if (values.length !== rows.length) row.fail(`a list of ${rows.length}, as there are rows`);
    for (const [j, value] of values.entries()) {
      const good = typeof value === 'number' && value >= 0;
      cells[i * rows.length + j] = good ? value : (row.list()[j] as Field).amount();
    }
  }
  return cells;
}

function readVm(vm: Field): Problem['vms'][number] {
  const field = vm.fields('name', 'cpus', 'memoryBytes', 'dirtyBytesPerSecond', 'pinned', 'allowed');
  return {
    name: field.name.text(),
    ...optional('cpus', field.cpus, (cpus) => cpus.amount()),
    ...optional('memoryBytes', field.memoryBytes, (bytes) => bytes.amount()),
    ...optional('dirtyBytesPerSecond', field.dirtyBytesPerSecond, (bytes) => bytes.amount()),
    ...optional('pinned', field.pinned, (host) => host.text()),
    ...optional('allowed', field.allowed, (hosts) => hosts.texts()),
  };
}

function readFlow(flow: Field): Problem['flows'][number] {
  const field = flow.fields('from', 'to', 'bitsPerSecond', 'maxLatencyUs');
  return {
    from: field.from.text(),
    to: field.to.text(),
    bitsPerSecond: field.bitsPerSecond.amount(),
    ...optional('maxLatencyUs', field.maxLatencyUs, (us) => us.number(Number.MIN_VALUE, 'a number above 0')),
  };
}

function readShared(shared: Field): NonNullable<Problem['shared']>[number] {
  const field = shared.fields('name', 'bitsPerSecond', 'edges');
  return { name: field.name.text(), bitsPerSecond: field.bitsPerSecond.amount(), edges: field.edges.pairs() };
}

function readPresent(present: Field): NonNullable<Problem['present']> {
  const field = present.fields('mapping', 'links');
  return { mapping: readMapping(field.mapping), ...optional('links', field.links, (links) => links.pairs()) };
}

function readMapping(mapping: Field): Record<string, string> {
  return Object.fromEntries([...mapping.entries()].map(([vm, host]) => [vm, host.text()]));
}

function readObjective(objective: Field): Objective {
  if (typeof objective.value !== 'object') {
    const name = objective.present ? objective.text() : 'residual';
    if (!Object.hasOwn(OBJECTIVES, name))
      objective.fail(`${Object.keys(OBJECTIVES).join(', ')} or an object`);
    return objectiveNamed(name);
  }
  const field = objective.fields('name', 'weights');
  const weights = Object.fromEntries(
    [...field.weights.entries()].map(([name, weight]) => [name, weight.amount()]),
  );
  return weighted(weights, field.name.present ? field.name.text() : 'weighted');
}

function readBest(best: Field): StoredBest {
  const field = best.fields('value', 'solver', 'mapping', 'paths');
  return {
    value: field.value.number(),
    solver: field.solver.text(),
    ...readPlacement(field.mapping, field.paths),
  };
}

function readBound(bound: Field): StoredBound {
  const field = bound.fields('value', 'proof');
  return { value: field.value.number(), proof: field.proof.text() };
}
