/** What a person named in part: the only statement that fits, or an error that lists those that do. */
import { type Topology, VnetError } from '../core/index.js';
import { printStatement } from '../lang/index.js';
import type { StatementList } from './statement.js';

/** Statements that an error lists. */
const LISTED_MAX = 10;

/**
 * The only one of `fitting`; undefined: there is none. Throws `VNET_ERR_INVALID` where there are several, with
 * the command for each in the hint and the statements as `details`. `commandOf`: without `vnet`.
 */
export function theOnly<K extends StatementList>(
  current: Topology,
  list: K,
  fitting: readonly Topology[K][number][],
  what: string,
  commandOf: (statement: Topology[K][number]) => string,
): Topology[K][number] | undefined {
  if (fitting.length <= 1) return fitting[0];
  const commands = fitting.slice(0, LISTED_MAX).map((statement) => `  vnet ${commandOf(statement)}`);
  const more = fitting.length - commands.length;
  throw new VnetError('VNET_ERR_INVALID', `${fitting.length} ${what}`, {
    hint: ['say which:', ...commands, ...(more > 0 ? [`  and ${more} more`] : [])].join('\n'),
    details: fitting.map((statement) => printStatement(list, statement, current)),
  });
}

/** ` --network lab`, where there are several. */
export const networkOption = (current: Topology, network: string): string =>
  current.networks.length > 1 ? ` --network ${network}` : '';
