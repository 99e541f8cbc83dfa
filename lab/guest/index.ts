/** A small Linux guest for QEMU: for tests, the demonstration and benchmarks. */
export { type ArchiveEntry, archiveOf, FOLDER_MODE, PROGRAM_MODE } from './cpio.js';
export { type Guest, GUEST_BOOT_MS, GUEST_MEMORY_BYTES, makeGuest, needGuest } from './guest.js';
export { GUEST_UP, type GuestIdentity } from './init.js';
export { plainGuestCommand } from './plain.js';
export { GUEST_STATES_MAX, savedGuest } from './state.js';
export { fetchGuestParts, guestCache, type GuestParts, guestParts } from './parts.js';
