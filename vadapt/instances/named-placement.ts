/** Answers by name, as files and programs have them: `{"mapping": {"web": "a"}, "paths": [["a", "b"]]}`. */
import { VnetError } from '../../core/index.js';
import type { Placement, Problem } from '../model/problem.js';
import { type Field, optional, parseJson } from './fields.js';

export interface NamedPlacement {
  /** VM to host. */
  mapping: Readonly<Record<string, string>>;
  /** By flow, in the problem's order: hosts, ends included; empty where none exists. */
  paths: readonly (readonly string[])[];
}

export function readPlacement(mapping: Field, paths: Field): NamedPlacement {
  return { mapping: readMapping(mapping), paths: readPaths(paths) };
}

/** @throws VNET_ERR_INVALID for a name that is nobody's, and for a VM without a host. Says nothing of the rest. */
export function placementOf({ hosts, vms }: Problem, { mapping, paths }: NamedPlacement): Placement {
  const numbers = new Map(hosts.map(({ name }, i) => [name, i]));
  const number = (host: string): number => {
    const found = numbers.get(host);
    if (found === undefined)
      throw new VnetError('VNET_ERR_INVALID', `the answer names a host ${host}, which is none`);
    return found;
  };
  const known = new Set(vms.map(({ name }) => name));
  const stranger = Object.keys(mapping).find((vm) => !known.has(vm));
  if (stranger !== undefined)
    throw new VnetError('VNET_ERR_INVALID', `the answer places a VM ${stranger}, which is none`);
  return {
    mapping: Int32Array.from(vms, ({ name }) => {
      const host = Object.hasOwn(mapping, name) ? mapping[name] : undefined;
      if (host === undefined)
        throw new VnetError('VNET_ERR_INVALID', `the answer places VM ${name} on no host`);
      return number(host);
    }),
    paths: paths.map((path) => Int32Array.from(path, number)),
  };
}

export function namedPlacement({ hosts, vms }: Problem, { mapping, paths }: Placement): NamedPlacement {
  const name = (host: number): string => hosts[host]?.name ?? '';
  return {
    mapping: Object.fromEntries(vms.map((vm, i) => [vm.name, name(mapping[i] as number)])),
    paths: paths.map((path) => Array.from(path, name)),
  };
}

/**
 * An answer on its own; without paths it only places the VMs.
 * @param whose for the messages
 * @throws VNET_ERR_INVALID with the field that is wrong
 */
export function parseAnswer(
  text: string,
  whose: string,
): Pick<NamedPlacement, 'mapping'> & Partial<NamedPlacement> {
  const field = parseJson(text, whose).fields('mapping', 'paths');
  return {
    mapping: readMapping(field.mapping),
    ...optional('paths', field.paths, readPaths),
  };
}

function readMapping(mapping: Field): Record<string, string> {
  return Object.fromEntries([...mapping.entries()].map(([vm, host]) => [vm, host.text()]));
}

function readPaths(paths: Field): string[][] {
  return paths.list().map((path) => path.texts());
}
