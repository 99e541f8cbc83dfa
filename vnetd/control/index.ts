export type { ControlBackend } from './backend.js';
export { serveControl } from './server.js';
