/** What the Proxy accepts of daemons, and how much it keeps of it. */

/** Of one pair; a counter that grew faster is nonsense. */
export const PAIR_BITS_PER_SECOND_MAX = 1e12;
/** Updates of one host; the fastest setting, 20 ms, asks for 50. */
export const UPDATES_PER_SECOND_MAX = 100;
/** Rows of one host's updates, additions and counts together. */
export const ROWS_PER_SECOND_MAX = 2_000_000;
/** Pairs in the matrix at a time, all networks together. */
export const MATRIX_SLOTS_MAX = 250_000;
/** Rows of all hosts' dictionaries together: a pair that enters at two hosts in turn has two. */
export const DICTIONARY_ROWS_MAX = 2 * MATRIX_SLOTS_MAX;
export const HOSTS_MAX = 10_000;
/** A pair without traffic for as long is forgotten; longer where the smoothing interval is long. */
export const PAIR_AGE_MS = 300_000;
/** Buckets of time that an update period is cut into, and a whole window at most. */
export const BUCKETS_PER_UPDATE = 3;
export const BUCKETS_MAX = 40;
