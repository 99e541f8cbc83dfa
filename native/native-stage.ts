/** For the tests beside this: planes with Unix-socket ports, links over loopback, answers given at once. */
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type {
  DataPlane,
  DropReason,
  FlowMiss,
  PlaneAction,
  PlaneEvent,
  PlaneLink,
  PlanePort,
} from '../core/index.js';
import { createUserPlane } from './index.js';

const LENGTH_BYTES = 4;
const STEP_MS = 5;
const PATIENCE_MS = 5000;

export const NETWORK = 1;
export const EDGE = 50;
export const A = 0x02_00_00_00_00_01;
export const B = 0x02_00_00_00_00_02;

export function frame(source: number, destination: number, length = 60): Buffer {
  const octets = Buffer.alloc(length);
  for (let i = 14; i < length; i += 1) octets[i] = i * 7;
  octets.writeUIntBE(destination, 0, 6);
  octets.writeUIntBE(source, 6, 6);
  octets.writeUInt16BE(0x88b5, 12);
  return octets;
}

export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
    if (await holds()) return;
    await sleep(STEP_MS);
  }
  throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
}

/** The far end of a `unix:` port. */
export class Peer {
  readonly received: Buffer[] = [];
  readonly socket: net.Socket;
  #rest = Buffer.alloc(0);

  constructor(path: string) {
    this.socket = net.connect(path);
    this.socket.on('error', () => this.socket.destroy());
    this.socket.on('data', (chunk) => this.#take(chunk));
  }

  #take(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + this.#rest.readUInt32BE(0);
      if (this.#rest.length < end) return;
      this.received.push(this.#rest.subarray(LENGTH_BYTES, end));
      this.#rest = this.#rest.subarray(end);
    }
  }

  send(octets: Buffer): void {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(octets.length);
    this.socket.write(Buffer.concat([length, octets]));
  }
}

/** A plane that answers each miss with `decide`. */
export class Stage {
  readonly plane: DataPlane;
  readonly events: PlaneEvent[] = [];
  /** Leaves misses without an answer. */
  silent = false;
  decide: (miss: FlowMiss) => PlaneAction[] = ({ ingress }) =>
    ingress === EDGE ? [{ kind: 'port', port: 1 }] : [{ kind: 'edge', edge: EDGE }];

  /** `arrived`: of each recorded row, its train and octets. */
  constructor(mtu = 1500, arrived?: (train: number, bytes: number) => void) {
    this.plane = createUserPlane({
      events: (events) => void this.events.push(...events),
      arrivals: ({ train, bytes }) => train.forEach((of, i) => arrived?.(of, bytes[i] ?? 0)),
      misses: (misses) => {
        if (this.silent) return;
        this.plane.applyFlows({
          generation: 0,
          invalidate: [],
          install: misses.map((miss) => ({
            ...miss,
            fromEpoch: 0,
            toEpoch: 2 ** 32,
            actions: this.decide(miss),
          })),
        });
      },
    });
    this.plane.setNetwork({ network: NETWORK, mtu, epoch: 0, oldestEpoch: 0 });
  }

  openPort(spec: string, more: Partial<PlanePort> = {}): void {
    this.plane.openPort({ port: 1, network: NETWORK, spec, guarded: false, macs: [], ...more });
  }

  async unixPort(path: string, more: Partial<PlanePort> = {}): Promise<Peer> {
    this.openPort(`unix:${path}`, more);
    const peer = new Peer(path);
    await until(() => this.portIsUp(more.port ?? 1), 'the port is up');
    return peer;
  }

  openLink(more: Partial<PlaneLink>): void {
    this.plane.openLink({
      link: 5,
      edge: EDGE,
      type: 'udp',
      id: new Uint8Array(8).fill(5),
      secret: new Uint8Array(16).fill(9),
      initiator: false,
      keepAliveMs: 40,
      deadAfterMs: 250,
      backoffCapMs: 200,
      ...more,
    });
    this.plane.setEdge(more.edge ?? EDGE, [more.link ?? 5]);
  }

  portIsUp(port = 1): boolean {
    const last = this.events.findLast((event) => event.kind === 'port' && event.port === port);
    return last?.kind === 'port' && last.up;
  }

  lastLink(link = 5): Extract<PlaneEvent, { kind: 'link' }> | undefined {
    const last = this.events.findLast((event) => event.kind === 'link' && event.link === link);
    return last?.kind === 'link' ? last : undefined;
  }

  async drops(reason: DropReason): Promise<number> {
    return (await this.plane.snapshot()).drops[reason] ?? 0;
  }
}

/** A folder of the test's own. */
export function folder(): { path: (name: string) => string; remove: () => void } {
  const made = mkdtempSync(join(tmpdir(), 'vnet-native-'));
  return { path: (name) => join(made, name), remove: () => rmSync(made, { recursive: true, force: true }) };
}
