/** What the command needs from the world. `bin` gives the real one, tests give a fake. */
import type { Clock, ControlClient } from '../core/index.js';
import type { MachineFacts, Terminal } from './system/index.js';

/** One of the standard streams, as far as the command uses it. */
export interface OutputStream {
  write(text: string): void;
  isTTY: boolean;
  /** Width of the terminal in characters; absent: not a terminal, nothing is shortened. */
  columns?: number;
}

export interface InputStream {
  isTTY: boolean;
  /** Writes the question as it is and reads a line; anything but `y` or `yes` is no. */
  confirm(question: string): Promise<boolean>;
}

/** How one daemon is started. */
export interface DaemonStart {
  /** Its name in the script. */
  host: string;
  role: 'host' | 'proxy';
  /** `address:port` of the Proxy's control channel; absent at the Proxy itself, or where it is behind NAT. */
  proxy?: string;
  /** `address:port` of the data links, IPv6 in brackets; absent: any address, any free port. */
  listen?: string;
  stateDir: string;
  /** Path of the control socket it is to serve. */
  socket: string;
  /** The shared token, mode 0600; the launcher makes one where none is. */
  tokenFile: string;
  /** Allows addresses that are not private although links are not sealed yet. */
  insecure: boolean;
  /** Name of a running lab: the daemon starts in the namespace of the lab's host of that name. */
  lab?: string;
}

/** A daemon that `up` started and nobody has stopped. */
export interface StartedDaemon {
  host: string;
  role: 'host' | 'proxy';
  pid: number;
  stateDir: string;
  socket: string;
  lab?: string;
}

/** Starts and stops daemons, and remembers across invocations which ones it started. */
export interface DaemonLauncher {
  /** Resolves once the process runs; the caller waits for its socket. A daemon that runs already is returned as it is. */
  start(daemon: DaemonStart): Promise<{ pid: number }>;
  /** Ends the daemon with this state directory and forgets it; one that is gone already is no error. */
  stop(stateDir: string): Promise<void>;
  /** What `start` started and `stop` has not stopped, in order of starting. */
  started(): Promise<StartedDaemon[]>;
  /** Whether this host name or IP literal is an address of this machine. */
  isLocal(address: string): Promise<boolean>;
}

export interface CliContext {
  connect(socket: string): ControlClient;
  stdout: OutputStream;
  stderr: OutputStream;
  stdin: InputStream;
  env: Readonly<Record<string, string | undefined>>;
  /** Text of a file, or of standard input for `-`; throws the system's error. */
  readFile(path: string): string;
  launcher: DaemonLauncher;
  clock: Clock;
  /** Aborted by Ctrl-C: ends what goes on until then. */
  signal: AbortSignal;
  /** What `--version` prints. */
  version: string;
  /** What this machine is like; absent: it is looked at. */
  machine?: () => Promise<MachineFacts>;
  /** Keys and size for screens that stay; absent: the process's own terminal. */
  terminal?: Terminal;
}

export const DEFAULT_SOCKET = '/run/vnet/vnetd.sock';
