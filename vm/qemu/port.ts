/** How a port of the overlay meets a NIC of QEMU. */
import { VnetError } from '../../core/index.js';

/**
 * Value of `-netdev` for a port specification, without its id.
 * @throws VNET_ERR_INVALID for a port that QEMU cannot join
 */
export function netdevOf(port: string): string {
  const [kind = '', ...rest] = port.split(':');
  const name = rest.join(':');
  const stream = (server: 'on' | 'off') =>
    `stream,server=${server},addr.type=unix,addr.path=${escaped(name)}`;
  if (kind === 'unix-connect') return stream('on');
  if (kind === 'unix') return stream('off');
  // QEMU holds the TAP; the daemon is at its kernel side.
  if (kind === 'packet') return `tap,ifname=${escaped(name)},script=no,downscript=no`;
  throw portError(port, kind);
}

/**
 * False: a daemon that starts again finds the NIC no more. QEMU 7.2 dials once; where it listens it accepts again.
 */
export const survivesRestart = (port: string): boolean => !port.startsWith('unix:');

function portError(port: string, kind: string): VnetError {
  const message =
    kind === 'tap'
      ? `QEMU cannot join ${port}: the daemon itself holds that TAP`
      : `QEMU cannot join a port of the kind '${kind}'`;
  const hint = 'leave the port out, or use unix-connect:PATH, or packet:NAME with a TAP of that name';
  return new VnetError('VNET_ERR_INVALID', message, { hint });
}

/** A comma separates QEMU's options; two are one. */
export const escaped = (value: string): string => value.replaceAll(',', ',,');
