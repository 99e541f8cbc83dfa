/** The live view: what it knows, what it shows, the terminal it stands on. */
export { liveScreen } from './live.js';
export { sparkLine, type Size, watchLine, watchScreen } from './screen.js';
export { emptyWatch, EVENTS_MAX, noteEvent, poll, TOTALS_MAX, type WatchState } from './state.js';
