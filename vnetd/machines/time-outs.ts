/** How long a host gives its drivers, and the Proxy the host: the second is always longer, so that the first one's words arrive. */
import { MOVE_TIMEOUT_MS, type MoveOptions } from '../../core/index.js';

/** What a driver has for each; the guest's own time to end comes on top. Milliseconds. */
export const DRIVER_TIMEOUTS_MS = {
  available: 3000,
  check: 10_000,
  /** A guest that boots from a slow disk under emulation. */
  start: 120_000,
  adopt: 15_000,
  stop: 15_000,
  receive: 30_000,
  cancel: 10_000,
  discard: 15_000,
} as const;
export type DriverStep = keyof typeof DRIVER_TIMEOUTS_MS;

/** For the Proxy's configuration to open the port of a VM that is to start. */
export const PORT_WAIT_MS = 10_000;
/** A call waits so long for the one before it on the same VM. */
export const TURN_WAIT_MS = 20_000;
/** After a move's own time-out the destination gives up too: the source's word may be on its way. */
export const RECEIVE_SLACK_MS = 30_000;
/** Of a stop: after it the guest is ended, whatever it says. */
export const GRACE_MAX_MS = 3_600_000;
/** Of a move. */
export const MOVE_TIMEOUT_MAX_MS = 24 * 3_600_000;

const CHANNEL_SLACK_MS = 5000;

/** The Proxy's patience with each call of a host's `vms`. */
export const HOST_CALL_TIMEOUTS_MS = {
  check: DRIVER_TIMEOUTS_MS.check + CHANNEL_SLACK_MS,
  start: TURN_WAIT_MS + PORT_WAIT_MS + DRIVER_TIMEOUTS_MS.start + CHANNEL_SLACK_MS,
  stop: TURN_WAIT_MS + DRIVER_TIMEOUTS_MS.stop + CHANNEL_SLACK_MS,
  receive: TURN_WAIT_MS + DRIVER_TIMEOUTS_MS.receive + CHANNEL_SLACK_MS,
  send: TURN_WAIT_MS + CHANNEL_SLACK_MS,
  cancel: TURN_WAIT_MS + DRIVER_TIMEOUTS_MS.cancel + CHANNEL_SLACK_MS,
  discard: TURN_WAIT_MS + DRIVER_TIMEOUTS_MS.discard + CHANNEL_SLACK_MS,
} as const;

/** Bounded, whatever was asked for. */
export function moveTimeoutMs({ timeoutMs }: MoveOptions): number {
  return Math.min(MOVE_TIMEOUT_MAX_MS, timeoutMs ?? MOVE_TIMEOUT_MS);
}
