/** Every limit of the netns driver. */

/** For one `ip`; the kernel itself needs some 20 ms to move an interface. */
export const IP_TIMEOUT_MS = 10_000;
/** How often a destination looks whether the interface has come: fast at first, as nearly every move is over by then. */
export const ARRIVAL_POLL_MS = { first: 2, last: 50 };
/** The share of the time waited that passes between two looks. */
export const ARRIVAL_POLL_SHARE = 0.02;
/** An interface that has come without the source's word is looked at after this: the source may have died. */
export const UNTOLD_MS = 100;
/** A ticket that was taken must lead to an arrival within this, or the source has died on the way. */
export const TAKEN_TIMEOUT_MS = 15_000;
/** How often a light VM's interface is looked for, to notice what others do. */
export const PRESENCE_POLL_MS = 1_000;
/** Passes over the processes of a VM, as they may fork while they are moved. */
export const GROUP_PASSES = 3;
/** A list of a namespace's processes that is no older will do, to tell what they use. */
export const SCAN_AGE_MS = 500;
/** Every so many lists each process's namespace is looked at anew. */
export const SCANS_BEFORE_FRESH = 5;
/** IFNAMSIZ less its final NUL. */
export const INTERFACE_NAME_MAX = 15;
