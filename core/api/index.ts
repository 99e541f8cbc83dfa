export type { AdaptLine } from './adapt-client.js';
export * from './adapt-schema.js';
export * from './client.js';
export * from './schema.js';
export type { JsonSchema } from './schema-parts.js';
export { MOVE_ALIVE_MS, type MoveLine } from './vm-client.js';
export * from './vm-schema.js';
