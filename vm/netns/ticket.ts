/**
 * The destination's word that it waits, which can be used once. It is a file: who renames it has it, the source to send
 * or the destination to take its word back, so that nothing is sent to a place that has given up. That the file is there
 * also proves that both hosts are on one machine.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VnetError, type VmTicket } from '../../core/index.js';
import { ownGroups } from './cpu-group.js';
import { bootId, networkOf } from './identity.js';

export type NetnsTicket = VmTicket & {
  driver: 'netns';
  bootId: string;
  /** The destination's daemon, and its network namespace. */
  pid: number;
  network: string;
  interface: string;
  /** The file's name, in the folder that both hosts' drivers share. */
  word: string;
  /** The CPU groups of the destination's daemon, by cgroup hierarchy. */
  cpuGroups: Record<string, string>;
};

/** No ticket names a file, or a group, outside the folders meant. */
const WORD = /^[0-9a-f-]{36}\.ticket$/;
const GROUP_PATH = /^\/(?!.*\.\.)/;
const TAKEN = '.taken';
const SENT = '.sent';
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

export function issueTicket(folder: string, interfaceName: string): NetnsTicket {
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  const word = `${randomUUID()}.ticket`;
  writeFileSync(join(folder, word), interfaceName, { mode: FILE_MODE, flag: 'wx' });
  return {
    driver: 'netns',
    bootId: bootId(),
    pid: process.pid,
    network: networkOf('self') ?? '',
    interface: interfaceName,
    word,
    cpuGroups: ownGroups(),
  };
}

/** True: it was still free, and nobody else has it. */
export function takeWord(folder: string, ticket: NetnsTicket): boolean {
  try {
    renameSync(join(folder, ticket.word), join(folder, `${ticket.word}${TAKEN}`));
    return true;
  } catch {
    return false;
  }
}

/** The source could not send after all: the destination waits as before. */
export function returnWord(folder: string, ticket: NetnsTicket): void {
  renameSync(join(folder, `${ticket.word}${TAKEN}`), join(folder, ticket.word));
}

/** The source has sent. */
export function keepWord(folder: string, ticket: NetnsTicket): void {
  renameSync(join(folder, `${ticket.word}${TAKEN}`), join(folder, `${ticket.word}${SENT}`));
}

export type WordState = 'free' | 'taken' | 'sent';

export function wordState(folder: string, ticket: NetnsTicket): WordState {
  if (existsSync(join(folder, ticket.word))) return 'free';
  return existsSync(join(folder, `${ticket.word}${SENT}`)) ? 'sent' : 'taken';
}

/** At the destination, when all is over. */
export function removeWord(folder: string, ticket: NetnsTicket): void {
  for (const end of ['', TAKEN, SENT]) rmSync(join(folder, `${ticket.word}${end}`), { force: true });
}

/**
 * Of an interface whose move nobody has ended: whoever did it died. `return`: it has not left, and the destination may take
 * its word back. True: there was one.
 */
export function endWordsOf(folder: string, interfaceName: string, how: 'return' | 'remove'): boolean {
  const ends = filesIn(folder).flatMap((file) => {
    const end = [TAKEN, SENT].find((each) => file.endsWith(each));
    return end === undefined || textOf(join(folder, file)) !== interfaceName ? [] : [{ file, end }];
  });
  for (const { file, end } of ends) {
    if (how === 'remove') rmSync(join(folder, file), { force: true });
    else renameSync(join(folder, file), join(folder, file.slice(0, -end.length)));
  }
  return ends.length > 0;
}

function filesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // removed this very moment
  }
}

/**
 * Looks at a ticket before anything is done for it.
 * @throws VNET_ERR_INVALID if it is none, VNET_ERR_UNSUPPORTED if it comes from another machine, VNET_ERR_UNREACHABLE
 * if the destination has died
 */
export function readTicket(ticket: VmTicket): NetnsTicket {
  if (!isTicket(ticket)) {
    throw new VnetError('VNET_ERR_INVALID', 'the destination sent a ticket that is not of the netns driver');
  }
  if (ticket.bootId !== bootId()) {
    throw new VnetError('VNET_ERR_UNSUPPORTED', 'the destination is another machine', {
      hint: 'a light VM is processes of one kernel: it moves between the hosts of one lab; use qemu to cross machines',
    });
  }
  const network = networkOf(ticket.pid);
  if (network === ticket.network) return ticket;
  if (network === undefined) {
    throw new VnetError('VNET_ERR_UNREACHABLE', `the destination's daemon (process ${ticket.pid}) is gone`, {
      hint: 'start it again; both daemons must see each other in /proc, in one PID namespace',
    });
  }
  throw new VnetError('VNET_ERR_UNSUPPORTED', 'the destination is in another PID namespace', {
    hint: 'start both daemons in the same one',
  });
}

function isTicket(ticket: VmTicket): ticket is NetnsTicket {
  const { driver, bootId: boot, pid, network, interface: name, word, cpuGroups } = ticket;
  const texts = [boot, network, name].every((text) => typeof text === 'string');
  const groups = Object.values(cpuGroups ?? {}).every(
    (path) => typeof path === 'string' && GROUP_PATH.test(path),
  );
  return driver === 'netns' && texts && WORD.test(String(word)) && Number.isInteger(pid) && groups;
}
