/**
 * Somebody else's traffic, run as a program on a host: bursts of UDP that stand in the queue of a narrow way for some
 * ten milliseconds, at random times. Nobody listens.
 */
import { createSocket } from 'node:dgram';
import { fileURLToPath } from 'node:url';

export const BURSTS_PROGRAM = fileURLToPath(import.meta.url);
const PORT = 9;
const PAYLOAD_BYTES = 1400;
const BURST_PACKETS = { least: 70, most: 280 };
const PAUSE_MS = { least: 250, most: 900 };

const between = ({ least, most }: { least: number; most: number }): number =>
  least + Math.random() * (most - least);

function send(address: string): void {
  const socket = createSocket('udp4');
  const payload = Buffer.alloc(PAYLOAD_BYTES);
  const burst = () => {
    for (let left = between(BURST_PACKETS); left > 0; left--) socket.send(payload, PORT, address);
    setTimeout(burst, between(PAUSE_MS));
  };
  burst();
}

if (process.argv[1] === BURSTS_PROGRAM) send(String(process.argv[2]));
