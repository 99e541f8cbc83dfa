/** Every limit of the exec driver. */

/** `status`, `check`. */
export const ASK_TIMEOUT_MS = 10_000;
export const START_TIMEOUT_MS = 120_000;
/** On top of the grace that a guest is given. */
export const STOP_TIMEOUT_MS = 30_000;
/** `receive`, until it gives its ticket. */
export const TICKET_TIMEOUT_MS = 60_000;
/** `cancel`, `discard`. */
export const UNDO_TIMEOUT_MS = 30_000;
/** Between SIGTERM to the command's process group and SIGKILL. */
export const KILL_GRACE_MS = 2_000;
/** `status` while it runs, to notice what others do. */
export const STATUS_POLL_MS = 5_000;
/** `status` at a destination whose `receive` has ended without saying that the VM runs. */
export const ARRIVAL_POLL_MS = 200;
/** For the last words of a command that has ended, when something that it started holds its output open. */
export const DRAIN_MS = 200;
export const LINE_BYTES_MAX = 65_536;
/** Kept of what a command complains of. */
export const COMPLAINT_BYTES_MAX = 4_096;
/** Shown of a line that is not understood. */
export const SHOWN_CHARACTERS_MAX = 200;
