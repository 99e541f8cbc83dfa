/** Which driver reserves: as the daemon's options say, or what this machine can do. */
import { readFileSync } from 'node:fs';
import { type Store, VnetError } from '../../core/index.js';
import { hasTool } from '../tool.js';
import type { ReservationDriver } from './driver.js';
import { ExecReservations, execLeft } from './exec-driver.js';
import { NoReservations } from './no-driver.js';
import { clearTc, TcReservations } from './tc-driver.js';

/** capabilities(7). */
const CAP_NET_ADMIN = 12n;
const EXEC = 'exec:';

export interface ReserveOptions {
  /** `tc`, `exec:COMMAND` or `none`; absent: `tc` where it can be had. */
  how?: string | undefined;
  /** Bits a second that the line of the links carries; absent: what its interface says. */
  lineBps?: number | undefined;
}

interface Place {
  host: string;
  store: Store;
}

/**
 * Throws VNET_ERR_INVALID for another word; and what is missing where `tc` is asked for and cannot be had. What an earlier
 * process reserved in another way is cleared, or told of, as well.
 */
export function chooseReservations(options: ReserveOptions, place: Place): ReservationDriver {
  const driver = chosen(options, place);
  const clear = async () => {
    const ended = await Promise.allSettled([
      driver.clear(),
      ...(driver.name === 'tc' ? [] : [clearTc(place)]),
      ...(driver.name === 'exec' ? [] : [tellOfExec(place)]),
    ]);
    for (const end of ended) if (end.status === 'rejected') throw end.reason;
  };
  return { name: driver.name, set: (wishes) => driver.set(wishes), clear };
}

/** Only its command can give it back. */
async function tellOfExec({ store }: Place): Promise<void> {
  const links = await execLeft(store);
  if (links === 0) return;
  const message = `${links} links have reservations by a command that an earlier vnetd was started with`;
  throw new VnetError('VNET_ERR_CONFLICT', message, {
    hint: 'start it once with that --reserve exec:COMMAND, which gives them back',
  });
}

function chosen({ how, lineBps }: ReserveOptions, { host, store }: Place): ReservationDriver {
  if (how === 'none')
    return new NoReservations('it was started with --reserve none', 'start it with --reserve tc');
  if (how?.startsWith(EXEC) && how.length > EXEC.length)
    return new ExecReservations({ host, store, command: how.slice(EXEC.length) });
  if (how !== undefined && how !== 'tc') {
    throw new VnetError('VNET_ERR_INVALID', `no way to reserve is called "${how}"`, {
      hint: 'write --reserve tc, --reserve exec:COMMAND or --reserve none',
    });
  }
  const missing = whatTcMisses();
  if (missing === undefined) return new TcReservations({ host, store, lineBps });
  if (how === 'tc')
    throw new VnetError('VNET_ERR_UNSUPPORTED', `--reserve tc: ${missing.reason}`, { hint: missing.hint });
  return new NoReservations(missing.reason, missing.hint);
}

function whatTcMisses(): { reason: string; hint: string } | undefined {
  if (!mayShape())
    return { reason: 'it may not shape interfaces (CAP_NET_ADMIN)', hint: 'run vnetd as root' };
  const tool = ['tc', 'ip'].find((name) => !hasTool(name));
  return tool === undefined
    ? undefined
    : { reason: `the program '${tool}' is missing`, hint: 'install iproute2' };
}

function mayShape(): boolean {
  const [, effective = '0'] = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n;
}
