export { ChannelAcceptor } from './accept.js';
export { ChannelDialer } from './dial.js';
export { BULK_KINDS, BULK_MAX_BYTES, BULK_QUEUE_MAX_BYTES } from './bulk.js';
export {
  type BulkHandler,
  CALL_TIMEOUT_MS,
  CALL_UNTIL_CLOSED,
  type CallHandler,
  ChannelPeer,
  type NoticeHandler,
  type PeerHandlers,
  type Progress,
} from './peer.js';
