/** Every limit of the QEMU driver. */

/** The first with `-netdev stream`. */
export const QEMU_VERSION_MIN = [7, 2] as const;
/** For QEMU to open its sockets after it was started. */
export const LAUNCH_TIMEOUT_MS = 20_000;
export const QMP_TIMEOUT_MS = 10_000;
/** One message; the longest in use, a list of machines, has 20 kB. */
export const QMP_MESSAGE_BYTES_MAX = 4 << 20;
/** Between `quit` and SIGKILL, and from SIGKILL to giving up. */
export const QUIT_TIMEOUT_MS = 5_000;
export const PROCESS_POLL_MS = 20;

/** For QEMU to load a saved state; 64 GiB from a disk of 200 MB/s take 330 s. */
export const STATE_TIMEOUT_MS = 600_000;

/** Rounds of QEMU's main loop, PROCESS_POLL_MS apart, before it loads a state (state.ts); one is enough on an idle host. */
export const SETTLE_ROUNDS = 5;

/** Of a move's own traffic, unless the options say. */
export const MOVE_BITS_PER_SECOND = 1_000_000_000;
export const MOVE_DOWNTIME_MS = 300;
export const MOVE_POLL_MS = 100;

/** Destination and source say a word to each other (handover.ts). */
export const HANDOVER_TIMEOUT_MS = 5_000;
export const HANDOVER_RETRY_MS = 200;
export const HANDOVER_LINE_BYTES_MAX = 4096;
export const HANDOVER_KEEP_ALIVE_MS = 1_000;
/** A source that says nothing for so long has given up; the destination throws away what it received. */
export const HANDOVER_AWAY_MS = 30_000;
/** For so long a destination remembers that it threw a VM away, for a source that comes back to ask. */
export const HANDOVER_MEMORY_MS = 600_000;

/** After a lost connection in post-copy, the two halves of a VM wait so long for each other. */
export const RECOVERY_MS = 300_000;
export const RECOVERY_RETRY_MS = 1_000;

/** `sun_path` without its final NUL, octets (unix(7)). */
export const SOCKET_PATH_BYTES_MAX = 107;
/** Of QEMU itself, beside the guest's memory. */
export const QEMU_OVERHEAD_BYTES = 64 * 2 ** 20;
export const LOG_TAIL_BYTES = 4096;
