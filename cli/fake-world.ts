/** For the tests: the command in a world of its own, run on one line at a time. */
import { type ErrorBody, systemClock } from '../core/index.js';
import type { CliContext, DaemonStart, OutputStream, StartedDaemon } from './context.js';
import { DB, FakeOverlay, WEB } from './fake-overlay.js';
import { runCli } from './index.js';

export interface Heard {
  out: string;
  err: string;
}

/** A context that hears everything; `answers` are what the person types, `tty` whether there is one. */
export function fakeContext(
  overlay: FakeOverlay,
  files: Record<string, string> = {},
  options: { tty?: boolean; answer?: boolean; context?: Partial<CliContext> } = {},
) {
  const heard: Heard = { out: '', err: '' };
  const asked: string[] = [];
  const sockets: string[] = [];
  const running: (StartedDaemon & { options: DaemonStart })[] = [];
  const tty = options.tty === true;
  const stream = (name: keyof Heard): OutputStream => ({
    isTTY: tty,
    ...(tty ? { columns: 120 } : {}),
    write: (text) => {
      heard[name] += text;
    },
  });
  const context: CliContext = {
    connect: (socket) => {
      sockets.push(socket);
      return overlay;
    },
    stdout: stream('out'),
    stderr: stream('err'),
    stdin: {
      isTTY: tty,
      confirm: async (question) => {
        asked.push(question);
        return options.answer === true;
      },
    },
    env: { LANG: 'C.UTF-8' },
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
      return text;
    },
    launcher: {
      start: async (daemon) => {
        const { host, role, stateDir, socket } = daemon;
        running.push({
          host,
          role,
          stateDir,
          socket,
          pid: 1000 + running.length,
          ...(daemon.lab ? { lab: daemon.lab } : {}),
          options: daemon,
        });
        return { pid: 999 + running.length };
      },
      stop: async (stateDir) => {
        running.splice(
          running.findIndex((daemon) => daemon.stateDir === stateDir),
          1,
        );
      },
      started: async () => [...running],
      isLocal: async (address) => address === '10.0.0.1' || address === '10.0.1.1',
    },
    clock: systemClock,
    signal: new AbortController().signal,
    version: '0.1.0',
    ...options.context,
  };
  return { context, heard, asked, sockets, running };
}

export const SCRIPT = `network lab
proxy home at 10.0.0.1:7700
host a at 10.0.1.1:7700
host b at 10.0.2.1:7700
host c
vm web on a mac ${WEB} port tap:web0
vm db pinned on b mac ${DB} port packet:vnet7
star tcp
link udp a b
route web <-> db via a b
`;
const BAD = 'network lab\nproxy home at 10.0.0.1:7700\nhost a\nlink udp a nowhere\n';
const PAPER = `BEGIN
HOST root AT home 7700 eth0
HOST root AT a 7700 eth0
HOST root AT b 7700 eth0
DELETE
LINK UDP a a b
END
`;

export interface Setting {
  overlay?: FakeOverlay;
  files?: Record<string, string>;
  tty?: boolean;
  answer?: boolean;
  env?: Record<string, string>;
  /** Parts of the world to take instead. */
  context?: Partial<CliContext>;
}

/** Runs one command line (split at blanks, or given as words) and tells everything it did. */
export async function vnet(line: string | string[], setting: Setting = {}) {
  const overlay = setting.overlay ?? new FakeOverlay();
  const fake = fakeContext(
    overlay,
    { 'lab.vnet': SCRIPT, 'bad.vnet': BAD, 'paper.vnet': PAPER, ...setting.files },
    setting,
  );
  const context = setting.env ? { ...fake.context, env: setting.env } : fake.context;
  const code = await runCli(typeof line === 'string' ? line.split(' ') : line, context);
  return { code, out: fake.heard.out, err: fake.heard.err, overlay, ...fake };
}

export const bodyOf = (text: string): ErrorBody => JSON.parse(text) as ErrorBody;
