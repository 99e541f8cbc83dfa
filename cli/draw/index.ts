/** Drawings of what VTTIF and Wren show: pure text, of what the caller hands in. */
export * from './application.js';
export * from './graph-text.js';
export * from './heat.js';
export * from './heat-map.js';
export * from './pen.js';
