/** The refusals of a problem that cannot be right, in one place. */
import { VnetError } from '../../core/index.js';

export function invalid(message: string, hint?: string): VnetError {
  return new VnetError('VNET_ERR_INVALID', message, hint === undefined ? {} : { hint });
}

export function atMost(what: string, count: number, most: number): void {
  if (count > most) throw new VnetError('VNET_ERR_LIMIT', `${count} ${what}; a problem has at most ${most}`);
}

/** A size of a host: none is Infinity. */
export function size(what: string, value: number): number {
  if (!(value >= 0)) throw invalid(`${what} cannot be ${value}`);
  return value;
}

/** Everything that is added up: Infinity less Infinity is no number. */
export function amount(what: string, value: number): number {
  if (!(value >= 0 && value < Infinity)) throw invalid(`${what} cannot be ${value}`);
  return value;
}
