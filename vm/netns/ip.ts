/** `ip` of iproute2, in this process's network namespace or in a named one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { VnetError } from '../../core/index.js';
import { IP_TIMEOUT_MS } from './limits.js';

/** What a daemon's PATH often lacks. */
const SYSTEM_PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`;

export function spawnTool(program: string, args: readonly string[]): ChildProcess {
  return spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, PATH: SYSTEM_PATH },
  });
}

/** What a tool wrote. VNET_ERR_INTERNAL with what it complained of, VNET_ERR_TIMEOUT. */
export function outputOf(child: ChildProcess, what: string, input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    let out = '';
    let complaint = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new VnetError('VNET_ERR_TIMEOUT', `${what} did not end within ${IP_TIMEOUT_MS} ms`));
    }, IP_TIMEOUT_MS);
    child.stdout?.on('data', (chunk: Buffer) => void (out += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => void (complaint += chunk.toString()));
    child.stdin?.on('error', () => {}); // it ended before it read all; its exit code tells
    child.stdin?.end(input);
    child.once('error', (cause) => {
      clearTimeout(timer);
      reject(new VnetError('VNET_ERR_UNSUPPORTED', `cannot run ${what}: ${cause.message}`, { cause }));
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      if (code === 0) return resolve(out);
      const said = complaint.replace(/Command failed -:\d+\s*/, '').trim();
      reject(new VnetError('VNET_ERR_INTERNAL', `${what} failed: ${said || `exit code ${code}`}`));
    });
  });
}

/** @param namespace as `ip netns` lists it; absent: our own */
export function ip(args: readonly string[], namespace?: string): Promise<string> {
  const all = namespace === undefined ? args : ['-n', namespace, ...args];
  return outputOf(spawnTool('ip', all), `'ip ${all.join(' ')}'`);
}

/** Lines in one process; those after one that fails are not done. */
export function ipBatch(lines: readonly string[], namespace?: string): Promise<string> {
  return prepareIp(namespace).run(lines);
}

export interface PreparedIp {
  run(lines: readonly string[]): Promise<string>;
  /** Ends it unused. */
  drop(): void;
}

/** An `ip` that waits for its lines: what it costs to start one is paid before a VM stops. */
export function prepareIp(namespace?: string): PreparedIp {
  const place = namespace === undefined ? [] : ['-n', namespace];
  let child: ChildProcess | undefined = spawnTool('ip', [...place, '-b', '-']);
  child.once('error', () => void (child = undefined));
  child.once('exit', () => void (child = undefined));
  return {
    run: (lines) => {
      const one = child ?? spawnTool('ip', [...place, '-b', '-']);
      return outputOf(one, `'ip ${[...place, lines.join('; ')].join(' ')}'`, `${lines.join('\n')}\n`);
    },
    drop: () => void child?.kill('SIGKILL'),
  };
}
