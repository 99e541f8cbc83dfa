/** Starts daemons as processes of their own and remembers, across invocations, which ones. */
import { spawn, type SpawnOptions } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import type { DaemonLauncher, DaemonStart, StartedDaemon } from '../cli/index.js';
import { VnetError } from '../core/index.js';
import { DAEMON_COMMAND } from '../lab/index.js';
import { requireLab, spawnInLab } from './lab-host.js';

/** A daemon that SIGTERM does not end within this is killed. */
const STOP_TIMEOUT_MS = 5000;
const POLL_MS = 20;
const START_TIMEOUT_MS = 10_000;
const LOG_LINES = 3;

/** One of ours, told apart from a later process of the same number by its start time. */
type Known = StartedDaemon & { startTime: string };

/** @param registry path of the file that lists what runs. */
export function processLauncher(registry: string): DaemonLauncher {
  const read = (): Known[] => {
    try {
      const known = JSON.parse(readFileSync(registry, 'utf8')) as Known[];
      return known.filter((daemon) => startTimeOf(daemon.pid) === daemon.startTime);
    } catch {
      return []; // No registry: nothing was started.
    }
  };
  const write = (daemons: Known[]) => {
    mkdirSync(dirname(registry), { recursive: true });
    writeFileSync(`${registry}.new`, JSON.stringify(daemons, null, 2));
    renameSync(`${registry}.new`, registry);
  };
  return {
    async start(daemon) {
      const running = read().find((known) => known.stateDir === daemon.stateDir);
      if (running) return { pid: running.pid };
      const { pid, startTime } = await launch(daemon);
      const { host, role, stateDir, socket, lab } = daemon;
      write([...read(), { host, role, pid, stateDir, socket, startTime, ...(lab ? { lab } : {}) }]);
      return { pid };
    },
    async stop(stateDir) {
      const running = read().find((known) => known.stateDir === stateDir);
      if (running) await end(running);
      write(read().filter((known) => known.stateDir !== stateDir));
    },
    started: async () => read().map(({ startTime: _startTime, ...daemon }) => daemon),
    isLocal,
  };
}

async function launch(daemon: DaemonStart): Promise<{ pid: number; startTime: string }> {
  if (await answers(daemon.socket)) {
    throw new VnetError(
      'VNET_ERR_EXISTS',
      `a daemon that \`vnet up\` did not start serves ${daemon.socket}`,
      {
        hint: 'stop it first, or choose another socket',
      },
    );
  }
  if (daemon.lab !== undefined) requireLab(daemon.lab);
  mkdirSync(daemon.stateDir, { recursive: true, mode: 0o700 });
  const logPath = join(daemon.stateDir, 'vnetd.log');
  const log = openSync(logPath, 'a', 0o600);
  const command = [...DAEMON_COMMAND, ...daemonArguments(daemon)];
  const options: SpawnOptions = { detached: true, stdio: ['ignore', 'ignore', log] };
  const child =
    daemon.lab === undefined
      ? spawn(command[0] as string, command.slice(1), options)
      : spawnInLab(daemon.lab, daemon.host, command, options);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) =>
      reject(
        new VnetError('VNET_ERR_PRIVILEGE', `cannot start the daemon of ${daemon.host}: ${cause.message}`, {
          cause,
        }),
      ),
    );
  });
  child.unref();
  const pid = child.pid as number;
  const startTime = startTimeOf(pid);
  for (let waitedMs = 0; !(await answers(daemon.socket)); waitedMs += POLL_MS) {
    if (startTime === undefined || startTimeOf(pid) !== startTime) {
      const said = readFileSync(logPath, 'utf8').trim().split('\n').slice(-LOG_LINES).join('\n');
      throw new VnetError('VNET_ERR_INTERNAL', `the daemon of ${daemon.host} ended at once: ${said}`, {
        hint: `its log is ${logPath}`,
      });
    }
    if (waitedMs >= START_TIMEOUT_MS) {
      throw new VnetError(
        'VNET_ERR_TIMEOUT',
        `the daemon of ${daemon.host} does not serve ${daemon.socket}`,
        {
          hint: `look at ${logPath}`,
        },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return { pid, startTime: startTime as string };
}

/** Somebody listens at the socket. */
function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on('error', () => resolve(false));
  });
}

function daemonArguments(daemon: DaemonStart): string[] {
  return [
    ...['--name', daemon.host, '--role', daemon.role],
    ...(daemon.proxy ? ['--proxy', daemon.proxy] : []),
    ...(daemon.listen ? ['--listen', daemon.listen] : []),
    ...['--state', daemon.stateDir, '--socket', daemon.socket, '--token-file', daemon.tokenFile],
    ...(daemon.insecure ? ['--insecure'] : []),
  ];
}

async function end(daemon: Known): Promise<void> {
  const runs = () => startTimeOf(daemon.pid) === daemon.startTime;
  if (!runs()) return;
  process.kill(daemon.pid, 'SIGTERM');
  for (let waitedMs = 0; runs(); waitedMs += POLL_MS) {
    if (waitedMs === STOP_TIMEOUT_MS) process.kill(daemon.pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  rmSync(daemon.socket, { force: true });
}

/** Field 22 of /proc/PID/stat (proc(5)), clock ticks since boot; undefined: no such process, or a zombie. */
function startTimeOf(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

async function isLocal(address: string): Promise<boolean> {
  const own = new Set(
    Object.values(networkInterfaces()).flatMap((entries) => (entries ?? []).map((entry) => entry.address)),
  );
  const resolved = await lookup(address, { all: true }).catch(() => []);
  return resolved.some((entry) => own.has(entry.address));
}
