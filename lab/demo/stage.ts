/** What a chapter of the demo is told with: headings, commands that are really run, and clean-up. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VnetError } from '../../core/index.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

export class Stage {
  /** State, sockets and token of this run; gone with it. */
  readonly directory = mkdtempSync(join(tmpdir(), 'vnet-demo-'));
  readonly env: NodeJS.ProcessEnv;
  readonly #startedAt = performance.now();
  readonly #children = new Set<ChildProcess>();
  readonly #undo: { what: string; run(): Promise<unknown> }[] = [];
  readonly #colour = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;

  readonly #onKeep: (() => Promise<unknown>)[] = [];

  /** `lab`: its name. */
  constructor(
    proxySocket: string,
    readonly lab: string,
  ) {
    this.env = {
      ...process.env,
      VNET_SOCKET: join(this.directory, proxySocket),
      XDG_RUNTIME_DIR: this.directory,
      ...(this.#colour ? { FORCE_COLOR: '1' } : {}),
    };
  }

  /** Of an example's name; a whole path stays. */
  example(name: string): string {
    return resolve(ROOT, 'examples', name);
  }

  heading(text: string): void {
    const seconds = ((performance.now() - this.#startedAt) / 1000).toFixed(0).padStart(3);
    this.print(
      '',
      `${this.bold(`── ${text} `)}${this.faint('─'.repeat(Math.max(2, 68 - text.length)))} ${this.faint(`${seconds} s`)}`,
    );
  }

  print(...lines: string[]): void {
    for (const line of lines) process.stdout.write(`${line}\n`);
  }

  bold = (text: string): string => (this.#colour ? `\x1b[1m${text}\x1b[0m` : text);
  faint = (text: string): string => (this.#colour ? `\x1b[2m${text}\x1b[0m` : text);
  good = (text: string): string => (this.#colour ? `\x1b[32m${text}\x1b[0m` : text);

  /** Runs the `vnet` command for the audience: shows the line as a person types it, then what it prints. */
  show(...args: string[]): Promise<Outcome> {
    return this.#tell(args, [0]);
  }

  /** The same for a command whose exit code says what it found. */
  showFinding(...args: string[]): Promise<Outcome> {
    return this.#tell(args, [0, 2]);
  }

  /** The same for one that is to refuse, and says why. */
  showRefusal(...args: string[]): Promise<Outcome> {
    return this.#tell(args, [1]);
  }

  /** The same for one that shows on a terminal how far it is. */
  showLive(...args: string[]): Promise<Outcome> {
    return this.#tell(args, [0], process.stderr.isTTY ? 'inherit' : 'pipe');
  }

  /** The same once it says what it is to say: run quietly until then. What it says instead is shown, and an error. */
  async showOnce(
    says: (outcome: Outcome) => boolean,
    timeoutMs: number,
    ...args: string[]
  ): Promise<Outcome> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const outcome = await this.vnet(...args);
      const late = performance.now() > deadline;
      if (says(outcome) || late) this.#print(args, outcome);
      if (says(outcome)) return outcome;
      if (late) throw new VnetError('VNET_ERR_TIMEOUT', `waited ${timeoutMs / 1000} s for another answer`);
    }
  }

  async #tell(args: string[], expected: number[], stderr: 'pipe' | 'inherit' = 'pipe'): Promise<Outcome> {
    this.#announce(args);
    const outcome = await this.#run(args, stderr);
    this.#print(undefined, outcome);
    if (!expected.includes(outcome.code))
      throw new VnetError('VNET_ERR_INTERNAL', `vnet ${args.join(' ')} ended with ${outcome.code}`);
    return outcome;
  }

  #announce(args: readonly string[]): void {
    this.print(this.faint(`$ vnet ${args.map((arg) => shorten(arg)).join(' ')}`));
  }

  /** `args`: what was asked, where that is not announced yet. */
  #print(args: readonly string[] | undefined, { stdout, stderr }: Outcome): void {
    if (args !== undefined) this.#announce(args);
    const lines = `${stdout}${stderr}`.trimEnd().split('\n');
    this.print(...lines.map((line) => `  ${line}`));
  }

  /** Runs it quietly. */
  vnet(...args: string[]): Promise<Outcome> {
    return this.#run(args, 'pipe');
  }

  async #run(args: string[], errors: 'pipe' | 'inherit'): Promise<Outcome> {
    const child = this.spawn(process.execPath, [join(ROOT, 'bin/vnet'), ...args], errors);
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exit) => resolve(exit ?? 1));
    });
    return { code, stdout: stdout(), stderr: stderr() };
  }

  /** Like `vnet`, but a failure ends the chapter with what was said. */
  async must(...args: string[]): Promise<string> {
    const outcome = await this.vnet(...args);
    if (outcome.code !== 0) {
      throw new VnetError(
        'VNET_ERR_INTERNAL',
        `vnet ${args.join(' ')}: ${(outcome.stderr || outcome.stdout).trim()}`,
      );
    }
    return outcome.stdout;
  }

  /** `errors`: inherited, they go to the terminal and not to `stderr`, which says nothing then. */
  spawn(
    command: string,
    args: string[],
    errors: 'pipe' | 'inherit' = 'pipe',
  ): ChildProcess & { stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream } {
    const child = spawn(command, args, { env: this.env, cwd: ROOT, stdio: ['ignore', 'pipe', errors] });
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    return child as ReturnType<Stage['spawn']>;
  }

  /** Undone in reverse order at the end, whatever happened. */
  onExit(what: string, run: () => Promise<unknown>): void {
    this.#undo.unshift({ what, run });
  }

  /** Done where everything is left up on purpose. */
  onKeep(run: () => Promise<unknown>): void {
    this.#onKeep.push(run);
  }

  async keep(): Promise<void> {
    for (const run of this.#onKeep) await run();
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGTERM');
    for (const { what, run } of this.#undo) {
      await run().catch((error: Error) => this.print(`could not remove ${what}: ${error.message}`));
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  const chunks: Buffer[] = [];
  stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
}

const shorten = (arg: string): string =>
  arg.startsWith(ROOT) ? arg.slice(ROOT.length) : arg.includes(' ') ? `'${arg}'` : arg;
