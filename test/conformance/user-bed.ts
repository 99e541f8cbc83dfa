/** The user plane as a bed: ports are Unix sockets as QEMU's `-netdev stream` speaks, links run over loopback. */
import dgram from 'node:dgram';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataPlane, PlaneHandlers } from '../../core/index.js';
import type { BedPort, PlaneBed } from './bed.js';

const LENGTH_BYTES = 4;
const CONNECT_TRIES = 400;
const CONNECT_PAUSE_MS = 5;

export async function userBed(createUserPlane: (handlers: PlaneHandlers) => DataPlane): Promise<PlaneBed> {
  const folder = await mkdtemp(join(tmpdir(), 'vnet-conformance-'));
  const planes: DataPlane[] = [];
  const openPorts = new Map<DataPlane, Set<number>>();
  const sockets: net.Socket[] = [];
  const stranger = dgram.createSocket('udp4');
  const pathOf = (number: number, name: string) => join(folder, `${number}-${name}`);
  const numberOf = (plane: DataPlane) => planes.indexOf(plane);
  return {
    plane(_name, handlers) {
      const open = new Set<number>();
      const plane = createUserPlane({
        misses: (misses) => handlers.misses(misses),
        events(events) {
          for (const event of events) if (event.kind === 'port' && event.up) open.add(event.port);
          handlers.events(events);
        },
        ...(handlers.arrivals && { arrivals: handlers.arrivals }),
      });
      planes.push(plane);
      openPorts.set(plane, open);
      const address = '127.0.0.1';
      return { plane, address, port: plane.listen(address, 0).port };
    },
    async openPort({ plane }, config, name) {
      const path = pathOf(numberOf(plane), name);
      plane.openPort({ ...config, spec: `unix:${path}` });
      const open = openPorts.get(plane);
      open?.delete(config.port);
      const socket = await connect(path);
      sockets.push(socket);
      for (let tries = 0; open?.has(config.port) === false; tries += 1) {
        if (tries === CONNECT_TRIES) throw new Error(`the plane does not take the connection to ${path}`);
        await sleep(CONNECT_PAUSE_MS);
      }
      return streamPort(socket);
    },
    spec: (name) => `unix:${pathOf(0, name)}`,
    noise: (to, bytes) => stranger.send(bytes, to.port, to.address),
    pass: async (ms) => void (await sleep(ms)),
    async close() {
      for (const plane of planes) plane.close();
      for (const socket of sockets) socket.destroy();
      stranger.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function connect(path: string): Promise<net.Socket> {
  for (let attempt = 1; ; attempt += 1) {
    const socket = net.connect(path);
    try {
      await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
      socket.on('error', () => socket.destroy());
      return socket;
    } catch (error) {
      if (attempt === CONNECT_TRIES) throw error;
      await sleep(CONNECT_PAUSE_MS);
    }
  }
}

/** A frame is a 4-octet big-endian length and the octets. */
function streamPort(socket: net.Socket): BedPort {
  const received: Uint8Array[] = [];
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= LENGTH_BYTES && rest.length >= LENGTH_BYTES + rest.readUInt32BE(0)) {
      const end = LENGTH_BYTES + rest.readUInt32BE(0);
      received.push(rest.subarray(LENGTH_BYTES, end));
      rest = rest.subarray(end);
    }
  });
  return {
    received,
    send(frame) {
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt32BE(frame.length);
      socket.write(Buffer.concat([length, frame]));
    },
  };
}
