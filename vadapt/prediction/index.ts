export * from './max-min.js';
