/** Every limit of the memory plane, with its unit. */

/** Hops a frame may take before it is dropped: the safety net under a loop of rules. */
export const HOP_LIMIT = 64;
/** Cached decisions; the oldest goes first. */
export const FLOW_ENTRIES = 65_536;
/** Keys that wait for an answer, for each ingress: a flood at one starves no other. */
export const PENDING_KEYS_PER_INGRESS = 512;
/** Frames that wait for one key. */
export const PENDING_FRAMES_PER_KEY = 64;
/** Milliseconds that frames wait for an answer. */
export const MISS_TIMEOUT_MS = 1000;
/** Missed keys, or events, handed over in one call. */
export const BATCH = 256;
/** Events that wait to be handed over; further ones are lost. */
export const EVENT_QUEUE = 4096;
/** Octets held for one entry that says hold. */
export const HOLD_BYTES = 4 * 1024 * 1024;
/** Milliseconds that a frame is held. */
export const HOLD_MS = 5000;
/** Milliseconds before the same source is reported at the same port again. */
export const SOURCE_EVENT_MS = 1000;
/** Milliseconds without a frame after which a learnt source counts as new. */
export const LEARNT_AGE_MS = 300_000;
/** Sources remembered at a port, learnt or refused; further ones pass (or are refused) unreported. */
export const SOURCES_PER_PORT = 4096;
/** Pairs that are counted; further ones pass uncounted. */
export const COUNTED_PAIRS = 1_000_000;
/** Frames that a port's reader may leave unread. */
export const PORT_QUEUE_FRAMES = 65_536;
/** Datagrams under way between two addresses of the fabric, a direction. */
export const PATH_QUEUE_DATAGRAMS = 4096;
/** First wait before dialling again, milliseconds; doubled, jittered, up to the link's cap. */
export const BACKOFF_START_MS = 50;
/** What a UDP link of the fabric carries in a datagram, octets: nothing is ever split here. */
export const DATAGRAM_BYTES = 65_507;
/** Lines that the fabric's trace prints, the newest. */
export const TRACE_LINES = 10_000;
