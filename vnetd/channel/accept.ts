/** The Proxy's side of the control channel: admits daemons that show the token. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { VnetError } from '../../core/index.js';
import { CHANNEL_PATH } from './dial.js';
import { ChannelPeer, type PeerHandlers } from './peer.js';

export interface AcceptOptions {
  address: string;
  port: number;
  token: string;
  /** A daemon that showed the token; the handlers answer its calls. */
  accept(host: string, remote: string, peer: () => ChannelPeer): PeerHandlers;
  onUp(host: string, peer: ChannelPeer): void;
}

/** A connection that has not shown the token by then is closed. */
const STRANGER_TIMEOUT_MS = 2000;
const STRANGER_CHECK_MS = 500;
/** Of them at a time; one more, and the oldest goes. */
const STRANGERS_MAX = 4096;

/** A change as large as the API of a daemon takes, passed on; a whole configuration only goes the other way. */
const MESSAGE_MAX_BYTES = 65 * 1024 * 1024;

const HOST_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/;

export class ChannelAcceptor {
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_MAX_BYTES,
    perMessageDeflate: false,
  });
  readonly #options: AcceptOptions;
  readonly #strangers = new Set<Duplex>();

  private constructor(options: AcceptOptions) {
    this.#options = options;
    const timeouts = {
      headersTimeout: STRANGER_TIMEOUT_MS,
      requestTimeout: STRANGER_TIMEOUT_MS,
      connectionsCheckingInterval: STRANGER_CHECK_MS,
    };
    this.#server = createServer(timeouts, (_request, response) => {
      response.writeHead(426, { 'content-type': 'text/plain', connection: 'close' });
      response.end('This is the control channel of a vnet Proxy. Use the Unix socket for the API.\n');
    });
    this.#server.on('connection', (socket) => this.#meet(socket));
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Rejects with `VNET_ERR_EXISTS` or `VNET_ERR_PRIVILEGE` where the port cannot be had. */
  static listen(options: AcceptOptions): Promise<ChannelAcceptor> {
    const acceptor = new ChannelAcceptor(options);
    return new Promise((resolve, reject) => {
      acceptor.#server.once('error', (cause: NodeJS.ErrnoException) =>
        reject(
          new VnetError(
            cause.code === 'EADDRINUSE' ? 'VNET_ERR_EXISTS' : 'VNET_ERR_PRIVILEGE',
            `cannot listen for daemons on ${options.address} port ${options.port}: ${cause.message}`,
            { hint: 'another daemon may run here already; --listen takes another port', cause },
          ),
        ),
      );
      acceptor.#server.listen(options.port, options.address, () => resolve(acceptor));
    });
  }

  close(): void {
    for (const client of this.#sockets.clients) client.terminate();
    this.#sockets.close();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #meet(socket: Socket): void {
    this.#strangers.add(socket);
    socket.once('close', () => this.#strangers.delete(socket));
    if (this.#strangers.size <= STRANGERS_MAX) return;
    for (const oldest of this.#strangers) return void oldest.destroy();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const refuse = (status: string) => socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`);
    if (request.url !== CHANNEL_PATH) return void refuse('404 Not Found');
    if (!sameToken(request.headers.authorization, this.#options.token))
      return void refuse('401 Unauthorized');
    const host = String(request.headers['x-vnet-host'] ?? '');
    if (!HOST_NAME.test(host)) return void refuse('400 Bad Request');
    this.#strangers.delete(socket);
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const handlers = this.#options.accept(host, request.socket.remoteAddress ?? '', () => peer);
      const peer = new ChannelPeer(webSocket, handlers);
      this.#options.onUp(host, peer);
    });
  }
}

/** In constant time, whatever the lengths. */
function sameToken(header: string | undefined, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${token}`));
}
