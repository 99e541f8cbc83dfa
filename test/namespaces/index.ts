export { AdaptBed, pause, QUICK } from './adapt-bed.js';
export { BURSTS_PROGRAM } from './bursts.js';
export { Chorus } from './chorus.js';
export { Conversation, type Heard } from './conversation.js';
export { directly, labName, needNamespaces, pings, reaches } from './traffic.js';
