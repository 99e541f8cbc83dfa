/**
 * One voice of a chorus, run as a program in a VM. It hears datagrams to a port, broadcast and multicast, and
 * prints each as a line; a line on its standard input is sent to both. Ethernet shows in the numbers: a line that
 * is printed twice came twice.
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const VOICE_PROGRAM = fileURLToPath(import.meta.url);
const PORT = 5005;
const GROUP = '239.7.7.7';

function speak(own: string, broadcast: string): void {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  socket.on('message', (message, { address }) => process.stdout.write(`${message} from ${address}\n`));
  socket.bind(PORT, () => {
    socket.setBroadcast(true);
    socket.addMembership(GROUP, own);
    socket.setMulticastInterface(own);
    socket.setMulticastLoopback(false);
    process.stdout.write('ready\n');
  });
  createInterface({ input: process.stdin }).on('line', (line) => {
    socket.send(`broadcast ${line}`, PORT, broadcast);
    socket.send(`multicast ${line}`, PORT, GROUP);
  });
}

if (process.argv[1] === VOICE_PROGRAM) speak(String(process.argv[2]), String(process.argv[3]));
