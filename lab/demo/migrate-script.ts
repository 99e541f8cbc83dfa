/** The chapter's script: the example with the lab's own guest in it, or, where there is none, with light VMs alone. */
import { join } from 'node:path';
import { makeGuest } from '../guest/index.js';
import { labScript } from './lab-script.js';
import type { Stage } from './stage.js';

const GUEST_VM = /^vm web .*$/m;

/** @returns the script's path */
export function writeScript(stage: Stage, guest: { ip: string; httpMib: number } | undefined): string {
  return labScript(stage, 'migrate.vnet', (text) =>
    text.replace(GUEST_VM, (line) => (guest ? withGuest(line, stage, guest) : '')),
  );
}

function withGuest(line: string, stage: Stage, { ip, httpMib }: { ip: string; httpMib: number }): string {
  const { kernel, initrd, append } = makeGuest(join(stage.directory, 'initrd'), { ip: `${ip}/24`, httpMib });
  return line.replace(/kernel .*$/, `kernel ${kernel} initrd ${initrd} append "${append}"`);
}
