/** A VM's console on this terminal: keys go to a Unix socket, what comes from there is shown. */
import { connect } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { VnetError } from '../../core/index.js';

/** Ctrl-], as telnet and virsh have it. */
const ESCAPE_KEY = 0x1d;

export interface Screen {
  input: Readable & { isTTY?: boolean; setRawMode?(raw: boolean): unknown };
  output: Writable;
}

/** Resolves when the person or the VM ends it. Rejects with VNET_ERR_UNREACHABLE where nobody listens at the socket. */
export function attachConsole(path: string, { input, output }: Screen): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const keys = (chunk: Buffer): void => {
      const end = chunk.indexOf(ESCAPE_KEY);
      socket.write(end < 0 ? chunk : chunk.subarray(0, end));
      if (end >= 0) socket.end();
    };
    const letGo = (): void => {
      input.off('data', keys);
      if (input.isTTY) input.setRawMode?.(false);
      input.pause();
    };
    socket.once('error', (cause) => {
      letGo();
      reject(
        new VnetError('VNET_ERR_UNREACHABLE', `no console answers at ${path}`, {
          hint: 'it stands on the host that runs the VM: run the command there',
          cause,
        }),
      );
    });
    socket.once('connect', () => {
      if (input.isTTY) input.setRawMode?.(true);
      input.on('data', keys);
      socket.on('data', (chunk) => output.write(chunk));
    });
    socket.once('close', () => {
      letGo();
      resolve(); // After an error it is rejected already.
    });
  });
}
