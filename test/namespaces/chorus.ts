/** Voices in several VMs: what one calls out to everybody, and how often each of the others hears it. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { OverlayLab } from '../../lab/index.js';
import { VOICE_PROGRAM } from './voice.js';

interface Voice {
  child: ChildProcess;
  heard: string[];
}

export class Chorus {
  readonly #overlay: OverlayLab;
  readonly #voices = new Map<string, Voice>();

  private constructor(overlay: OverlayLab) {
    this.#overlay = overlay;
  }

  /** A voice in each VM; all listen when it resolves. */
  static async gather(overlay: OverlayLab, vms: readonly string[], broadcast: string): Promise<Chorus> {
    const chorus = new Chorus(overlay);
    for (const vm of vms) {
      const node = overlay.lab.vm(vm);
      const child = node.spawn([process.execPath, VOICE_PROGRAM, node.address, broadcast], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const heard: string[] = [];
      if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => heard.push(line));
      chorus.#voices.set(vm, { child, heard });
    }
    await overlay.until('every voice ready', async () =>
      [...chorus.#voices.values()].every(({ heard }) => heard.includes('ready')),
    );
    return chorus;
  }

  /** Calls `count` times, and waits until every listener has heard the last of both kinds. */
  async call(from: string, listeners: readonly string[], word: string, count: number): Promise<void> {
    const voice = this.#voices.get(from);
    for (let i = 0; i < count; i++) voice?.child.stdin?.write(`${word} ${i}\n`);
    for (const kind of ['broadcast', 'multicast']) {
      await this.#overlay.until(`the last ${kind} of ${from} heard by ${listeners}`, async () =>
        listeners.every((vm) => this.heard(vm, `${kind} ${word} ${count - 1} `).length > 0),
      );
    }
  }

  /** Lines that a VM has heard, those that begin so. */
  heard(vm: string, beginning: string): string[] {
    return (this.#voices.get(vm)?.heard ?? []).filter((line) => line.startsWith(beginning));
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.#voices.values()].map(({ child }) => {
        const ended = new Promise((resolve) => child.once('close', resolve));
        child.kill('SIGKILL');
        return ended;
      }),
    );
  }
}
