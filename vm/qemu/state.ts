/**
 * Saved states: what QEMU writes of a stopped machine (docs/devel/migration.rst in QEMU), and a VM begins from instead
 * of booting. QEMU inherits the open file: a path is never part of a command of a shell's.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type QemuMachine, VnetError, type VmSpec } from '../../core/index.js';
import { commandLine } from './command-line.js';
import { diskFacts, localAccelerator, versionOf } from './facts.js';
import type { Instance } from './instance.js';
import { PROCESS_POLL_MS, SETTLE_ROUNDS, STATE_TIMEOUT_MS } from './limits.js';
import { GIVEN_FD } from './process.js';
import type { MigrationInfo } from './transfer.js';

/** QEMU_VM_FILE_MAGIC, big-endian at its beginning. */
const MAGIC = 'QEVM';

/** @throws what the system says; a named pipe is opened without waiting for its writer */
export const openStateFile = (path: string): number =>
  openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);

/** Why a file is no saved state; undefined: it begins as one. */
export function stateError(path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openStateFile(path);
    if (!fstatSync(fd).isFile()) return 'is not a file';
    const head = Buffer.alloc(MAGIC.length);
    readSync(fd, head, 0, head.length, 0);
    return head.toString('latin1') === MAGIC ? undefined : 'is not a state that QEMU saved';
  } catch (error) {
    return `cannot be read here: ${(error as Error).message}`;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/**
 * Loads the file that QEMU was given; the machine is whole and stopped then. QEMU announces its NICs by itself.
 * @param instance started with `-incoming defer`; left to the caller if this rejects
 * @throws VNET_ERR_REFUSED with QEMU's words, VNET_ERR_TIMEOUT
 */
export async function loadState(instance: Instance): Promise<void> {
  await settle(instance);
  await follow(instance, 'migrate-incoming', { uri: `fd:${GIVEN_FD}` }, 'load its state');
  // From here on a daemon that starts again finds a VM, not half of one.
  instance.layout.mark(undefined);
}

/**
 * Stops the guest and has QEMU write the machine.
 * @param socket path of a Unix socket; who listens there gets the state, up to the end of the connection
 */
export async function saveState(instance: Instance, socket: string): Promise<void> {
  await instance.qmp.execute('stop');
  await instance.qmp.execute('migrate-set-parameters', { 'max-bandwidth': Number.MAX_SAFE_INTEGER });
  await follow(instance, 'migrate', { uri: `unix:${socket}` }, 'save its state');
}

/**
 * A NIC that listens (`-netdev stream,server=on`) is ready a moment after the monitor is: only when the main loop is
 * idle. QEMU 7.2 crashes where a state that loads at once has it announce itself before.
 */
async function settle({ qmp }: Instance): Promise<void> {
  for (let round = 0; round < SETTLE_ROUNDS; round++) {
    await sleep(PROCESS_POLL_MS);
    await qmp.execute('query-status');
  }
}

/** Begins what QEMU calls a migration, and waits for its end. */
async function follow(instance: Instance, command: string, args: object, what: string): Promise<void> {
  const { qmp } = instance;
  const failed = (why: string) => new VnetError('VNET_ERR_REFUSED', `QEMU cannot ${what}: ${why}`);
  await qmp.execute('migrate-set-capabilities', { capabilities: [{ capability: 'events', state: true }] });
  let end: (error?: VnetError) => void = () => {};
  const over = new Promise<VnetError | undefined>((resolve) => {
    end = resolve;
  });
  const silence = qmp.onEvent(({ event, data }) => {
    if (event !== 'MIGRATION') return;
    if (data['status'] === 'completed') end();
    // One that cannot load ends itself at once, with more to say.
    if (data['status'] === 'failed' && command === 'migrate') end(failed('it failed'));
  });
  const timer = setTimeout(() => {
    end(new VnetError('VNET_ERR_TIMEOUT', `QEMU did not ${what} within ${STATE_TIMEOUT_MS} ms`));
  }, STATE_TIMEOUT_MS);
  void instance.ended.then(({ reason }) => end(failed(reason)));
  try {
    await qmp.execute(command, args).catch((error: unknown) => {
      // It ends itself where a state does not fit, perhaps before it answers: its own words tell more.
      if (VnetError.from(error).code !== 'VNET_ERR_UNREACHABLE') throw error;
    });
    const error = await over;
    if (error === undefined) return;
    const info = await qmp.execute<MigrationInfo>('query-migrate').catch((): MigrationInfo => ({}));
    throw info['error-desc'] === undefined ? error : failed(info['error-desc']);
  } finally {
    clearTimeout(timer);
    silence();
  }
}

/** Of no VM: sockets and names are no part of a machine. */
const NOWHERE = { qmp: '', console: '', pidFile: '' };
const NO_PORT = 'unix-connect:';

/** Names all that a saved state depends on: QEMU's version, the machine, and what it boots from, by content. */
export async function machineDigest(spec: VmSpec, program?: string): Promise<string> {
  const { kernel, initrd, disk, append } = spec.machine as QemuMachine;
  const contents = await Promise.all(
    [kernel, initrd].map((path) => (path === undefined ? '' : readFile(path))),
  );
  const bare: QemuMachine = {
    ...{ driver: 'qemu', kernel: '', initrd: '' },
    ...(append === undefined ? {} : { append }),
    ...(disk === undefined ? {} : { disk }),
  };
  const facts = {
    accelerator: localAccelerator(),
    ...(disk === undefined ? {} : { disk: diskFacts(disk) }),
  };
  const line = commandLine({ ...spec, name: '', machine: bare }, NO_PORT, NOWHERE, facts);
  const digest = createHash('sha256').update(JSON.stringify([await versionOf(program), line]));
  for (const content of contents) digest.update(createHash('sha256').update(content).digest());
  return digest.digest('hex');
}
