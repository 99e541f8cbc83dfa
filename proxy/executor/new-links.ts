/** Links that a change makes, and which of them its new paths lead over. Pure. */
import type { LinkType, Rule } from '../../core/index.js';
import { edgeKey, listChange } from '../lowering/index.js';
import { type PartChange, ruleChange } from './switching.js';

/** A link as one host has it. */
export interface LinkEnd {
  host: string;
  peer: string;
  type: LinkType;
}

/** What is new at a host. */
export interface News {
  made: LinkEnd[];
  host: string;
  rules(): Rule[];
}

export function newsOf(part: PartChange): News {
  const { host, links } = part.installed;
  const { removed, added } = listChange(links, part.target?.links ?? []);
  // One that only changed may well stand: its daemon decides.
  const known = new Set(removed.map(({ id }) => id));
  const made = added.filter(({ id }) => !known.has(id)).map(({ peer, type }) => ({ host, peer, type }));
  return { host, made, rules: () => ruleChange(part).come };
}

/**
 * Both ends of the new links that rules coming in these networks send frames over. A link whose other end is not told
 * of it now is left out: it cannot come up.
 */
export function linksOfPaths(news: readonly News[], networks: ReadonlySet<number>): LinkEnd[] {
  const made = news.flatMap((item) => item.made);
  if (made.length === 0) return [];
  const used = new Set<string>();
  for (const { host, rules } of news) {
    for (const { network, actions } of rules()) {
      if (!networks.has(network)) continue;
      for (const action of actions) if (action.kind === 'edge') used.add(edgeKey(host, action.peer));
    }
  }
  const told = new Set(made.map(({ host, peer, type }) => `${host} ${peer} ${type}`));
  return made.filter(
    ({ host, peer, type }) => used.has(edgeKey(host, peer)) && told.has(`${peer} ${host} ${type}`),
  );
}
