/** Every limit of the memory plane, with its unit. */

/** Hops a frame may take before it is dropped: the safety net under a loop of rules. */
export const HOP_LIMIT = 64;
/** Cached decisions; the oldest goes first. */
export const FLOW_ENTRIES = 65_536;
/** Keys that wait for an answer, for each ingress: a flood at one starves no other. */
export const PENDING_KEYS_PER_INGRESS = 512;
/** Frames that wait for one key. */
export const PENDING_FRAMES_PER_KEY = 256;
/** Milliseconds that frames wait for an answer. */
export const MISS_TIMEOUT_MS = 1000;
/** Missed keys, or events, handed over in one call. */
export const BATCH = 256;
/** Events that wait to be handed over; further ones are lost. */
export const EVENT_QUEUE = 4096;
/** Frames, and octets, held for one entry that says hold. */
export const HOLD_FRAMES = 2048;
export const HOLD_BYTES = 2 * 1024 * 1024;
/** Milliseconds that a frame is held. */
export const HOLD_MS = 5000;
/** Milliseconds before the same source is reported at the same port again. */
export const SOURCE_EVENT_MS = 1000;
/** Milliseconds after which a learnt source that goes on talking is reported again. */
export const LEARNT_REPORT_MS = 60_000;
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
/** Rows of one unbroken run. */
export const RUN_ROWS = 256;
/** Rows of all links at once, beyond the rate. */
export const RECORD_BURST = 4000;
/** Milliseconds at least from one batch of arrivals to the next. */
export const RECORD_FLUSH_MS = 20;
/** Milliseconds after which a train's number may be another train's. */
export const TRAIN_FORGET_MS = 2000;
/** Octets of a train's packet, IP and UDP headers included. */
export const LEAST_TRAIN_PACKET = 64;
/** Nanoseconds that the gaps of a train may last together. */
export const MOST_TRAIN_NS = 1e9;
/** Numbers behind the newest in which a late one is taken back. */
export const SEQUENCE_WINDOW = 1024;
/** A step in the sequence that is a new beginning, not a loss. */
export const SEQUENCE_JUMP = 2 ** 20;
/** Octets of the smallest echo. */
export const LEAST_ECHO = 60;
/** Echoes that wait for their answer. */
export const ECHOES_WAITING = 1024;
/** For each port or edge that they come in by. */
export const ECHO_ANSWERS_PER_SECOND = 100;
