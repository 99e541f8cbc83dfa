// Every limit of the implementation, with its unit. What the wire fixes is in wire.hpp.
#pragma once
#include <cstddef>
#include <cstdint>

namespace vnet {

constexpr uint64_t MS = 1'000'000;  // nanoseconds

constexpr size_t FLOW_ENTRIES = 65'536;
constexpr size_t PAIR_ROWS = 262'144;
constexpr size_t FLOW_VERSIONS = 2;

constexpr size_t PENDING_KEYS = 4'096;
constexpr size_t PENDING_KEYS_PER_INGRESS = 1'024;
constexpr size_t PENDING_FRAMES_PER_KEY = 256;
constexpr size_t PENDING_BYTES_PER_KEY = 256 << 10;
constexpr size_t PENDING_BYTES = 8 << 20;
constexpr size_t PENDING_BYTES_PER_INGRESS = 2 << 20;
constexpr uint64_t PENDING_TIMEOUT_NS = 1'000 * MS;
constexpr uint64_t PENDING_SWEEP_NS = 100 * MS;
constexpr size_t HOLD_FRAMES_PER_KEY = 2'048;
constexpr size_t HOLD_BYTES_PER_KEY = 2 << 20;
constexpr size_t HOLD_BYTES = 16 << 20;
constexpr uint64_t HOLD_TIMEOUT_NS = 5'000 * MS;
constexpr size_t SENT_FRAMES = 2'048;  // SENT_FRAMES_MAX and SENT_BYTES_MAX of core/data-plane.ts
constexpr size_t SENT_BYTES = 2 << 20;
constexpr uint64_t RECALL_DOUBT_NS = 5 * MS;   // RECALL_DOUBT_MS of core/data-plane.ts
constexpr uint64_t SENT_KEPT_NS = 1'000 * MS;  // after it was read: nobody hears so late that a VM has stopped
constexpr uint64_t SENT_LOOK_NS = MS / 5;      // from one look at whether it was read to the next

constexpr double MISSES_PER_SECOND = 4'000;  // for each ingress
constexpr double MISS_BURST = 512;
constexpr double SOURCE_EVENTS_PER_SECOND = 50;  // for each port
constexpr double SOURCE_EVENT_BURST = 64;
constexpr size_t LEARNT_SOURCES = 16'384;
constexpr uint64_t LEARNT_REPORT_NS = 60'000 * MS;  // a source that goes on talking is reported again

constexpr double RECORDS_PER_SECOND = 20'000;  // RECORDS_PER_SECOND_MAX of core/data-plane.ts
constexpr double RECORD_BURST = 4'000;
constexpr uint32_t RUN_ROWS = 256;  // of one unbroken run
constexpr uint64_t RECORD_FLUSH_NS = 20 * MS;
constexpr double UNSTAMPED_NS = 1e9;  // a clock that went back further was set
constexpr uint16_t TRAIN_BATCH_PACKETS = 8;         // packets of a train that leave in one system call,
constexpr size_t TRAIN_BATCH_BYTES = 60'000;          // and their octets: UDP_SEGMENT takes no more
constexpr double TRAIN_RECORDS_PER_SECOND =
    5'000;  // for each link: a peer takes no more than a quarter of all
constexpr double TRAIN_RECORD_BURST = 1'024;
constexpr uint64_t TRAIN_MOST_NS = 1'000 * MS;    // a train's gaps together
constexpr uint64_t TRAIN_FORGET_NS = 2'000 * MS;  // afterwards its number may be another train's
constexpr uint64_t TRAIN_SPIN_NS = 60'000;        // the last of a gap, waited out on the CPU
constexpr size_t ARRIVALS_WAITING = 20'000;       // rows queued for JavaScript

constexpr size_t NOTE_BYTES = 512;       // NOTE_BYTES_MAX of core/data-plane.ts
constexpr double NOTES_PER_SECOND = 50;  // NOTES_PER_SECOND_MAX: of a link, each way
constexpr double NOTE_BURST = 50;        // at the sender; a receiver forgives what the path has bunched
constexpr double NOTE_BURST_RECEIVED = 100;
constexpr size_t ECHOES_WAITING = 1'024;
constexpr double ECHO_ANSWERS_PER_SECOND = 100;  // for each port or edge that they come in by
constexpr double ECHO_ANSWER_BURST = 100;

constexpr size_t UP_BATCH = 256;     // misses or events in one call of JavaScript
constexpr size_t UP_MISSES = 8'192;  // queued for JavaScript
constexpr size_t UP_EVENTS = 4'096;

constexpr size_t JOIN_FRAMES = 512;
constexpr size_t JOIN_BYTES = 4 << 20;
constexpr size_t JOIN_PIECES = 64;  // separate stretches of one half-joined frame
constexpr uint64_t JOIN_TIMEOUT_NS = 1'000 * MS;
constexpr uint64_t JOIN_SWEEP_NS = 250 * MS;

constexpr size_t MAX_FRAME = 65'535;         // octets of one frame at any port
constexpr size_t SUPER_SEGMENTS = 2'048;     // of one super-frame: a VM may ask for segments of one octet
constexpr size_t SEGMENTS_PER_TURN = 4'096;  // before the other descriptors have their turn
constexpr size_t SUPER_FRAME = 65'536 + 64;  // octets of what a device hands over before segmentation
constexpr size_t RECEIVE_BATCH = 32;         // messages in one recvmmsg
constexpr size_t RECEIVE_STRIDE = 66 << 10;  // octets set aside for each
constexpr int RECEIVE_ROUNDS = 4;            // batches of one descriptor before the others have their turn
constexpr size_t PORT_BATCH_FRAMES = 64;
constexpr size_t PORT_BATCH_BYTES = 256 << 10;
constexpr size_t UNIX_QUEUE_BYTES = 1 << 20;
constexpr uint64_t UNIX_DIAL_NS = 100 * MS;  // from one attempt to connect to the next
constexpr uint64_t PORT_RETRY_NS = 250 * MS;
constexpr uint64_t LINK_FILTER_NS = 5'000 * MS;  // a packet port follows the host's addresses so often

constexpr int SOCKET_BUFFER_BYTES = 4 << 20;
constexpr size_t UDP_BATCH_MESSAGES = 64;
constexpr size_t UDP_BATCH_BYTES = 1 << 20;
constexpr size_t UDP_SEGMENTS = 64;        // UDP_MAX_SEGMENTS of older kernels
constexpr size_t UDP_SEND_BYTES = 65'000;  // below the 65,507 that one UDP_SEGMENT send takes
constexpr size_t TCP_QUEUE_BYTES = 1 << 20;
constexpr size_t TCP_INPUT_BYTES = 256 << 10;
constexpr int TCP_NOTSENT_BYTES = 256 << 10;
constexpr size_t TCP_STRANGERS = 256;  // accepted connections that have not proved a link
constexpr uint64_t TCP_STRANGER_NS = 3'000 * MS;
constexpr uint64_t TCP_ACCEPT_PAUSE_NS = 100 * MS;  // when there are no descriptors left

constexpr int COMMAND_ROUNDS = 16;  // batches of commands before the descriptors have their turn

constexpr size_t HALF_OPEN = 16;  // handshakes that a link answers at once
constexpr uint64_t HALF_OPEN_NS = 3'000 * MS;
constexpr uint64_t STEADY_NS = 2'000 * MS;  // a session shorter than this does not reset the back-off
// The peer is told of a link at about the same time: a HELLO before that is a stranger's there, and for nothing.
constexpr uint64_t FIRST_DIAL_NS = 2 * MS;
constexpr uint64_t BACKOFF_FIRST_NS = 50 * MS;
constexpr uint64_t PING_RETRY_NS = 5 * MS;  // when the socket took no more
constexpr uint64_t TIE_WINDOW_NS = 2'000 * MS;

}  // namespace vnet
