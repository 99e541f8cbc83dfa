/** VMs that are run and moved, as the verbs need them. */
export { attachConsole } from './console.js';
export { addMoveOptions, type MoveFlags, moveOptions } from './move-options.js';
export { shareOf } from './move-bars.js';
export { showMoves } from './move-result.js';
export { watchMoves } from './moving.js';
