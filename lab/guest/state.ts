/** Guests that need not boot: saved states, one for each identity, made once and kept. */
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { VnetError, type VmSpec } from '../../core/index.js';
import { machineDigest, QemuDriver, saveState } from '../../vm/index.js';
import { GUEST_BOOT_MS } from './guest.js';
import { GUEST_UP } from './init.js';

/** The oldest go: each has about the size of the guest's memory. */
export const GUEST_STATES_MAX = 16;
const SUFFIX = '.state';
/** Half a state of a process that died; none takes so long. */
const DRAFT_AGE_MS = 3_600_000;
const STATE_MODE = 0o600;

/**
 * The saved state of a guest that has just come up: booted and saved now, unless the folder has it. Its name tells all
 * that it depends on, so another kernel, QEMU, address or size makes another.
 * @returns its path, for `QemuMachine.state`
 * @throws VNET_ERR_TIMEOUT if the guest does not come up within GUEST_BOOT_MS
 */
export async function savedGuest(folder: string, spec: VmSpec): Promise<string> {
  const path = join(folder, `${await machineDigest(spec)}${SUFFIX}`);
  if (existsSync(path)) {
    const now = new Date();
    utimesSync(path, now, now);
    return path;
  }
  mkdirSync(folder, { recursive: true });
  const draft = `${path}.${process.pid}`;
  try {
    await bootAndSave(spec, draft);
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
  prune(folder);
  return path;
}

async function bootAndSave(spec: VmSpec, draft: string): Promise<void> {
  // Short, for sockets; of its own, so that the VM's name is free.
  const directory = mkdtempSync(join(tmpdir(), 'vs-'));
  const driver = new QemuDriver({ directory });
  const nobody = { paused: () => {}, running: () => {}, ended: () => {} };
  try {
    const vm = await driver.start(spec, driver.portOf(spec), nobody);
    try {
      await guestIsUp(vm.console);
      const { server, written } = await receiver(join(directory, 'state'), draft);
      // Both: QEMU ends the connection, and the file is whole.
      await Promise.all([saveState(vm.instance, join(directory, 'state')), written]).finally(() =>
        server.close(),
      );
    } finally {
      await vm.instance.quit();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function receiver(socket: string, draft: string): Promise<{ server: Server; written: Promise<void> }> {
  const server = createServer();
  const written = new Promise<void>((resolve, reject) => {
    server.once('connection', (connection) => {
      pipeline(connection, createWriteStream(draft, { mode: STATE_MODE })).then(resolve, reject);
    });
  });
  written.catch(() => {}); // heard by who waits for both
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  return { server, written };
}

function guestIsUp(console: string): Promise<void> {
  const socket = connect(console);
  let heard = '';
  return new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      const message = `the guest did not come up within ${GUEST_BOOT_MS} ms; its console said: ${heard}`;
      reject(new VnetError('VNET_ERR_TIMEOUT', message));
    }, GUEST_BOOT_MS);
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
    };
    socket.on('data', (chunk) => {
      heard += chunk.toString();
      if (!heard.includes(GUEST_UP)) return;
      end();
      resolve();
    });
    socket.on('close', () => {
      end();
      const message = `the guest's console closed before it came up; it said: ${heard}`;
      reject(new VnetError('VNET_ERR_CLOSED', message));
    });
    socket.on('error', () => {}); // closed next
  });
}

function prune(folder: string): void {
  const files = readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    const at = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    return at === undefined ? [] : [{ path, at }];
  });
  const [states, drafts] = [
    files.filter(({ path }) => path.endsWith(SUFFIX)).sort((a, b) => b.at - a.at),
    files.filter(({ path, at }) => path.includes(`${SUFFIX}.`) && at < Date.now() - DRAFT_AGE_MS),
  ];
  for (const { path } of [...states.slice(GUEST_STATES_MAX), ...drafts]) rmSync(path, { force: true });
}
