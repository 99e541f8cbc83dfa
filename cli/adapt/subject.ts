/** What `vnet adapt why` is asked about. */
import { VnetError } from '../../core/index.js';
import { nearest } from '../../lang/index.js';
import type { NameBook } from '../names.js';

/**
 * A VM by name or address; a link by its two hosts, or the route of two VMs, as the API takes it: `web`, `a b`. `a-b` in
 * one word is a link where no VM is called so. Throws `VNET_ERR_NOT_FOUND` for what the overlay does not know.
 */
export function subjectOf(names: NameBook, first: string, second?: string): string {
  if (second !== undefined) return pair(names, first, second);
  const vm = names.find(first);
  if (vm !== undefined) return vm.name;
  const ends = splitAtHosts(names, first);
  if (ends !== undefined) return ends.join(' ');
  if (names.hosts.includes(first)) {
    throw new VnetError('VNET_ERR_INVALID', `${first} is a host`, {
      hint: `a link has two: vnet adapt why ${first} ${names.hosts.find((host) => host !== first) ?? 'HOST'}`,
    });
  }
  return names.resolve(first); // throws, with the nearest name
}

function pair(names: NameBook, a: string, b: string): string {
  const [from, to] = [names.find(a), names.find(b)];
  const areHosts = names.hosts.includes(a) && names.hosts.includes(b);
  if (from !== undefined && to !== undefined && !areHosts) return `${from.name} ${to.name}`;
  return `${names.host(a)} ${names.host(b)}`;
}

/** Names of hosts may hold dashes themselves. */
function splitAtHosts({ hosts }: NameBook, text: string): [string, string] | undefined {
  for (let at = text.indexOf('-'); at > 0; at = text.indexOf('-', at + 1)) {
    const [a, b] = [text.slice(0, at), text.slice(at + 1)];
    if (hosts.includes(a) && hosts.includes(b)) return [a, b];
  }
  return undefined;
}

/** For a word after `vnet adapt` that is none of its actions. */
export function unknownAction(word: string, actions: readonly string[]): VnetError {
  const near = nearest(word, actions);
  return new VnetError('VNET_ERR_INVALID', `there is no verb 'adapt ${word}'`, {
    hint: near === undefined ? '`vnet adapt --help` lists what there is' : `did you mean ${near}?`,
  });
}
