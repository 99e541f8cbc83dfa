/** One VM's directory on this host: its sockets, its process and how far a move is. */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VnetError, type VmSpec } from '../../core/index.js';
import { LOG_TAIL_BYTES, SOCKET_PATH_BYTES_MAX } from './limits.js';
import { isTicket, type QemuTicket } from './ticket.js';

/** What a daemon that starts again must finish. `receiving`: it never executed here, from a move or a saved state. */
export type MoveMark = { role: 'receiving' } | { role: 'sending'; ticket: QemuTicket };

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
/** The longest of the names below. */
const SOCKET_NAME = 'console';

export class Layout {
  readonly directory: string;
  readonly qmp: string;
  readonly console: string;
  readonly nic: string;
  readonly pidFile: string;
  readonly log: string;
  readonly #mark: string;

  constructor(base: string, spec: Pick<VmSpec, 'network' | 'name'>) {
    this.directory = join(base, spec.network, spec.name);
    const at = (name: string) => join(this.directory, name);
    [this.qmp, this.console, this.nic] = [at('qmp'), at(SOCKET_NAME), at('nic')];
    [this.pidFile, this.log, this.#mark] = [at('pid'), at('log'), at('move')];
  }

  /** @throws VNET_ERR_LIMIT where the path is too long for a socket */
  make(): void {
    if (Buffer.byteLength(this.console) > SOCKET_PATH_BYTES_MAX) {
      throw new VnetError(
        'VNET_ERR_LIMIT',
        `${this.console} is too long for a socket (at most ${SOCKET_PATH_BYTES_MAX} octets)`,
        { hint: 'give the daemon a shorter state directory, or the VM a shorter name' },
      );
    }
    mkdirSync(this.directory, { recursive: true, mode: DIRECTORY_MODE });
    this.mark(undefined);
    rmSync(this.log, { force: true });
  }

  /** The log stays: it says why the VM ended. */
  clean(): void {
    for (const path of [this.qmp, this.console, this.nic, this.pidFile, this.#mark]) {
      rmSync(path, { force: true });
    }
  }

  mark(mark: MoveMark | undefined): void {
    if (mark === undefined) rmSync(this.#mark, { force: true });
    else writeFileSync(this.#mark, JSON.stringify(mark), { mode: FILE_MODE });
  }

  /** Undefined: no move was under way. */
  marked(): MoveMark | undefined {
    const text = readOr(this.#mark, '');
    if (text === '') return undefined;
    try {
      const mark = JSON.parse(text) as MoveMark;
      if (mark.role === 'sending' && isTicket(mark.ticket)) return mark;
    } catch {
      // Half a file: written while we died, before anything was sent or received.
    }
    return { role: 'receiving' };
  }

  /** What QEMU complained of last. */
  complaint(): string {
    const text = readOr(this.log, '').slice(-LOG_TAIL_BYTES).trim();
    const line = text.split('\n').at(-1) ?? '';
    return line.replace(/^\S*qemu-system-\S+: /, '');
  }
}

function readOr(path: string, fallback: string): string {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path, 'utf8') : fallback;
}
