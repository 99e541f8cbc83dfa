export { ChannelAcceptor } from './accept.js';
export { ChannelDialer } from './dial.js';
export { type CallHandler, ChannelPeer, type NoticeHandler, type Progress } from './peer.js';
