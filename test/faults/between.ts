/** Daemons of the lab that are started in another way than the lab does. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { join } from 'node:path';
import { DEFAULT_PORT } from '../../core/index.js';
import { DAEMON_COMMAND, type OverlayLab } from '../../lab/index.js';
import { RELAY_PROGRAM, type Repeated } from './relay.js';

const HIDDEN_PORT = 7800;

/** In place of the host's daemon, which it ends. Resolves when the Proxy has it; call what it gives to end it. */
export async function otherDaemon(
  overlay: OverlayLab,
  host: string,
  { port = DEFAULT_PORT, prefix = [] }: { port?: number; prefix?: readonly string[] },
): Promise<() => Promise<void>> {
  await overlay.stop(host);
  const address = (name: string) => overlay.lab.host(name).address;
  const child = overlay.lab
    .host(host)
    .spawn(
      [
        ...prefix,
        ...DAEMON_COMMAND,
        ...['--name', host, '--listen', `${address(host)}:${port}`],
        ...['--proxy', `${address(overlay.proxy)}:${DEFAULT_PORT}`],
        ...['--state', join(overlay.directory, host), '--socket', overlay.socket(host)],
        ...['--token-file', join(overlay.directory, 'token')],
      ],
      { stdio: 'ignore' },
    );
  const ended = once(child, 'close');
  await overlay.until(`the other daemon of ${host}`, () =>
    overlay
      .client()
      .hostView(host)
      .then(
        ({ links }) => links.some(({ up }) => up),
        () => false,
      ),
  );
  return async () => {
    child.kill('SIGKILL');
    await ended;
  };
}

/** A host's daemon behind a relay at the port where the others look for it. */
export class Between {
  private constructor(
    readonly relay: ChildProcess,
    readonly lines: Interface,
    readonly end: () => Promise<void>,
  ) {}

  /** Between the daemon of `host`, started anew, and that of `peer`. */
  static async on(overlay: OverlayLab, host: string, peer: string): Promise<Between> {
    const end = await otherDaemon(overlay, host, { port: HIDDEN_PORT });
    const node = overlay.lab.host(host);
    const relay = node.spawn(
      [
        ...[process.execPath, RELAY_PROGRAM, node.address, String(DEFAULT_PORT), String(HIDDEN_PORT)],
        ...[overlay.lab.host(peer).address, String(DEFAULT_PORT)],
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    if (!relay.stdout) throw new Error('no output');
    const between = new Between(relay, createInterface({ input: relay.stdout }), end);
    await between.#line();
    return between;
  }

  say(line: string): void {
    this.relay.stdin?.write(`${line}\n`);
  }

  /** How many it sent. */
  async repeat(kind: Repeated, perSecond: number, lastsMs: number): Promise<number> {
    const answer = this.#line();
    this.say(`repeat ${kind} ${perSecond} ${lastsMs}`);
    return Number(await answer);
  }

  async close(): Promise<void> {
    const ended = once(this.relay, 'close');
    this.relay.kill('SIGKILL');
    await Promise.all([ended, this.end()]);
  }

  async #line(): Promise<string> {
    const [line] = (await once(this.lines, 'line')) as [string];
    return line;
  }
}
