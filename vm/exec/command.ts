/** One run of a user's command: its input, its lines, its end. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { VnetError } from '../../core/index.js';
import { atOrdinaryPriority } from '../ordinary-priority.js';
import { COMPLAINT_BYTES_MAX, DRAIN_MS, KILL_GRACE_MS, LINE_BYTES_MAX } from './limits.js';
import { type Input, type Line, nonsense, parseLine, type Verb } from './protocol.js';

export interface CommandRun {
  /** Resolves with all its lines, folded into one; later ones win. */
  readonly done: Promise<Line>;
  /** Ends its process group. Resolves when the command is gone. */
  end(): Promise<void>;
}

/**
 * @param timeoutMs the process group is ended after this, VNET_ERR_TIMEOUT
 * @param onLine called for each line, in order
 */
export function runCommand(
  command: string,
  verb: Verb,
  input: Input,
  timeoutMs: number,
  onLine: (line: Line) => void = () => {},
): CommandRun {
  const who = `'${command} ${verb} ${input.spec.name}'`;
  // A group of its own, so that what it started ends with it.
  const child = atOrdinaryPriority(() =>
    spawn('/bin/sh', ['-c', `${command} "$@"`, 'vnet', verb, input.spec.name], {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    }),
  );
  const output = new Output(who, onLine);
  let failed: VnetError | undefined;
  let killer: NodeJS.Timeout | undefined;
  const end = (why: VnetError) => {
    failed ??= why;
    signalGroup(child.pid, 'SIGTERM');
    killer ??= setTimeout(() => signalGroup(child.pid, 'SIGKILL'), KILL_GRACE_MS);
  };
  const timer = setTimeout(() => end(tooLate(who, timeoutMs)), timeoutMs);
  const closed = watch(child, output, input, end);
  const over = () => {
    clearTimeout(timer);
    clearTimeout(killer);
  };
  const done = closed.finally(over).then((code) => {
    if (failed !== undefined) {
      signalGroup(child.pid, 'SIGKILL'); // what the command itself did not take with it
      throw failed;
    }
    output.finish();
    if (code === 0) return output.folded;
    throw new VnetError('VNET_ERR_INTERNAL', `${who} failed: ${output.reason(code)}`, {
      hint: 'run it by hand to see more',
    });
  });
  done.catch(() => {}); // told to whoever looks at it
  return {
    done,
    end: async () => {
      end(new VnetError('VNET_ERR_CLOSED', `${who} was ended`));
      await done.catch(() => {});
    },
  };
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** The exit code once the command itself has ended; undefined for a signal. Its children may hold its output open. */
function watch(
  child: Child,
  output: Output,
  input: Input,
  end: (why: VnetError) => void,
): Promise<number | undefined> {
  child.stdin.on('error', () => {}); // a command need not read its input
  child.stdin.end(`${JSON.stringify(input)}\n`);
  child.stderr.on('data', (chunk: Buffer) => output.complain(chunk));
  child.stdout.on('data', (chunk: Buffer) => {
    try {
      output.take(chunk);
    } catch (thrown) {
      child.stdout.removeAllListeners('data').resume();
      end(VnetError.from(thrown));
    }
  });
  return new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new VnetError('VNET_ERR_UNSUPPORTED', `cannot run /bin/sh: ${cause.message}`, { cause })),
    );
    child.once('exit', (code) => {
      // What `start` leaves behind in its group is the VM, perhaps, and may hold the output open.
      const drained = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, DRAIN_MS);
      child.once('close', () => {
        clearTimeout(drained);
        resolve(code ?? undefined);
      });
    });
  });
}

class Output {
  readonly folded: Line = {};
  #rest = Buffer.alloc(0);
  #complaint = '';

  constructor(
    readonly who: string,
    readonly onLine: (line: Line) => void,
  ) {}

  take(chunk: Buffer): void {
    let rest = Buffer.concat([this.#rest, chunk]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      this.#line(rest.subarray(0, end).toString());
      rest = rest.subarray(end + 1);
    }
    if (rest.length > LINE_BYTES_MAX) {
      throw nonsense(rest.toString(), this.who, `a line has at most ${LINE_BYTES_MAX} octets`);
    }
    this.#rest = rest;
  }

  /** A last line may lack its end. */
  finish(): void {
    this.#line(this.#rest.toString());
  }

  complain(chunk: Buffer): void {
    this.#complaint = (this.#complaint + chunk.toString()).slice(-COMPLAINT_BYTES_MAX);
  }

  reason(code: number | undefined): string {
    const said = this.folded.error ?? this.#complaint.trim().split('\n').at(-1);
    return said || (code === undefined ? 'it was killed' : `exit code ${code}`);
  }

  #line(text: string): void {
    if (text.trim() === '') return;
    const line = parseLine(text, this.who);
    Object.assign(this.folded, line);
    this.onLine(line);
  }
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Nothing of it is left.
  }
}

function tooLate(who: string, timeoutMs: number): VnetError {
  return new VnetError('VNET_ERR_TIMEOUT', `${who} did not end within ${timeoutMs} ms`, {
    hint: 'it was killed; run it by hand to see where it waits',
  });
}
