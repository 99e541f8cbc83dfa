/** The daemon's side of the control channel: dials the Proxy for ever, jittered back-off, until closed. */
import { WebSocket } from 'ws';
import type { Random } from '../../core/index.js';
import { ChannelPeer, type PeerHandlers } from './peer.js';

const BACKOFF_FIRST_MS = 50;
const BACKOFF_CAP_MS = 1000;
const HANDSHAKE_TIMEOUT_MS = 3000;
/** A whole configuration of a large overlay in one message. */
export const MESSAGE_MAX_BYTES = 256 * 1024 * 1024;
export const CHANNEL_PATH = '/v1/channel';

export interface DialOptions extends PeerHandlers {
  address: string;
  port: number;
  token: string;
  host: string;
  random: Random;
  onUp(peer: ChannelPeer): void;
  onDown(reason: string): void;
}

export class ChannelDialer {
  readonly #options: DialOptions;
  #peer: ChannelPeer | undefined;
  #pending: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #backoffMs = BACKOFF_FIRST_MS;
  #closed = false;

  constructor(options: DialOptions) {
    this.#options = options;
    this.#dial();
  }

  get peer(): ChannelPeer | undefined {
    return this.#peer;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#pending?.terminate();
    this.#peer?.close('the daemon stops');
  }

  #dial(): void {
    const { address, port, token, host } = this.#options;
    const literal = address.includes(':') ? `[${address}]` : address;
    const socket = new WebSocket(`ws://${literal}:${port}${CHANNEL_PATH}`, {
      headers: { authorization: `Bearer ${token}`, 'x-vnet-host': encodeURIComponent(host) },
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      maxPayload: MESSAGE_MAX_BYTES,
      perMessageDeflate: false,
    });
    this.#pending = socket;
    let reason = '';
    socket.on('unexpected-response', (_request, response) => {
      reason =
        response.statusCode === 401
          ? 'the Proxy refuses our token: use the file that its daemon uses'
          : `the Proxy answers HTTP ${response.statusCode}`;
      socket.terminate();
      this.#again(reason);
    });
    socket.on('error', (error) => {
      if (socket === this.#pending) this.#again(reason || error.message);
    });
    socket.on('open', () => this.#up(socket));
  }

  #up(socket: WebSocket): void {
    this.#pending = undefined;
    const peer = new ChannelPeer(socket, this.#options);
    this.#peer = peer;
    const upSince = performance.now();
    peer.onClose = (reason) => {
      this.#peer = undefined;
      // A channel that stood for a while starts over quickly; one that flaps backs off further.
      if (performance.now() - upSince > BACKOFF_CAP_MS) this.#backoffMs = BACKOFF_FIRST_MS;
      this.#again(reason);
    };
    this.#options.onUp(peer);
  }

  #again(reason: string): void {
    this.#pending = undefined;
    if (this.#closed) return;
    this.#options.onDown(reason);
    clearTimeout(this.#timer);
    const delayMs = this.#backoffMs * (0.5 + this.#options.random() / 2);
    this.#backoffMs = Math.min(this.#backoffMs * 2, BACKOFF_CAP_MS);
    this.#timer = setTimeout(() => this.#dial(), delayMs);
  }
}
