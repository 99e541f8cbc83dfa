/** The far end of a `unix:` port: frames behind a 32-bit length, as QEMU's `-netdev stream` speaks. */
import { connect, type Socket } from 'node:net';
import { type MacAddress, macToNumber } from '../../core/index.js';

const PREFIX_OCTETS = 4;
const ARP_OCTETS = 42;

export class StreamPeer {
  readonly frames: Buffer[] = [];
  closed = false;
  #rest = Buffer.alloc(0);

  private constructor(readonly socket: Socket) {
    socket.on('data', (data: Buffer) => this.#take(data));
    socket.on('close', () => {
      this.closed = true;
    });
    socket.on('error', () => socket.destroy());
  }

  static connect(path: string): Promise<StreamPeer> {
    return new Promise((resolve, reject) => {
      const socket = connect(path, () => resolve(new StreamPeer(socket)));
      socket.once('error', reject);
    });
  }

  send(frame: Buffer): void {
    const prefix = Buffer.alloc(PREFIX_OCTETS);
    prefix.writeUInt32BE(frame.length);
    this.socket.write(Buffer.concat([prefix, frame]));
  }

  #take(data: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, data]);
    while (this.#rest.length >= PREFIX_OCTETS) {
      const length = this.#rest.readUInt32BE(0);
      if (this.#rest.length < PREFIX_OCTETS + length) return;
      this.frames.push(this.#rest.subarray(PREFIX_OCTETS, PREFIX_OCTETS + length));
      this.#rest = this.#rest.subarray(PREFIX_OCTETS + length);
    }
  }
}

/** A broadcast ARP request (RFC 826): who has `target`? */
export function arpRequest(sender: MacAddress, senderIp: string, target: string): Buffer {
  const frame = Buffer.alloc(ARP_OCTETS);
  const mac = Buffer.alloc(6);
  mac.writeUIntBE(macToNumber(sender), 0, 6);
  frame.fill(0xff, 0, 6);
  mac.copy(frame, 6);
  frame.writeUInt16BE(0x0806, 12);
  Buffer.from('0001080006040001', 'hex').copy(frame, 14);
  mac.copy(frame, 22);
  Buffer.from(senderIp.split('.').map(Number)).copy(frame, 28);
  Buffer.from(target.split('.').map(Number)).copy(frame, 38);
  return frame;
}

/** The address that a reply to `arpRequest` tells; undefined: it is none. */
export function arpReplyFrom(frame: Buffer): string | undefined {
  if (frame.length < ARP_OCTETS || frame.readUInt16BE(12) !== 0x0806 || frame.readUInt16BE(20) !== 2)
    return undefined;
  return [...frame.subarray(22, 28)].map((octet) => octet.toString(16).padStart(2, '0')).join(':');
}
