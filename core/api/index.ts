export * from './client.js';
export * from './schema.js';
