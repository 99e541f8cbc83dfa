/** Where the wires of a lab's VMs are: an overlay moves them from host to host without asking the lab. */
import { runCommand } from './command.js';
import { namespaceOf } from './layout.js';
import { type LabSpec, portOf, socketOf } from './spec.js';

/** `ip` processes at the same time. */
const LOOKS_AT_ONCE = 16;

/** Names of VMs to hosts. A VM whose wire is nowhere, or that has none, is left out. */
export async function whereabouts(lab: string, spec: LabSpec): Promise<Map<string, string>> {
  const wired = spec.vms.filter((vm) => socketOf(vm) === undefined);
  const found = new Map<string, string>();
  if (wired.length === 0) return found;
  const interfaces = new Map<string, Set<string>>();
  for (let first = 0; first < spec.hosts.length; first += LOOKS_AT_ONCE) {
    const some = spec.hosts.slice(first, first + LOOKS_AT_ONCE);
    await Promise.all(
      some.map(async ({ name }) => interfaces.set(name, await interfacesIn(namespaceOf(lab, name)))),
    );
  }
  for (const vm of wired) {
    // A name may be another's on another host: the place that is recorded counts first.
    const hosts = [vm.host, ...spec.hosts.map(({ name }) => name)];
    const host = hosts.find((name) => interfaces.get(name)?.has(portOf(vm)));
    if (host !== undefined) found.set(vm.name, host);
  }
  return found;
}

async function interfacesIn(namespace: string): Promise<Set<string>> {
  const { stdout } = await runCommand(['ip', '-n', namespace, '-o', 'link']);
  return new Set([...stdout.matchAll(/^\d+: ([^:@]+)/gm)].map((match) => match[1] as string));
}
