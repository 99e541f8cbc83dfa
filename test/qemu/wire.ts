/** A TCP relay between two QEMUs, which can fall silent one way, or break. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export class Wire {
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  /** What the listener says, its end too, does not reach the dialler. */
  mute = false;

  static async to(host: string, port: number): Promise<Wire> {
    const server = createServer();
    const wire = new Wire(server, host, port);
    await new Promise<void>((resolve) => server.listen({ host, port: 0 }, resolve));
    return wire;
  }

  private constructor(server: Server, host: string, port: number) {
    this.#server = server;
    server.on('connection', (near) => {
      const far = connect({ host, port });
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => this.#sockets.delete(socket));
      }
      near.on('close', () => far.destroy());
      far.on('close', () => {
        if (!this.mute) near.destroy();
      });
      near.pipe(far);
      far.on('data', (octets) => {
        if (!this.mute) near.write(octets);
      });
    });
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  break(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): void {
    this.break();
    this.#server.close();
  }
}
