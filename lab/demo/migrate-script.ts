/** The chapter's script: the example with the lab's own guest in it, or, where there is none, with light VMs alone. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeGuest } from '../guest/index.js';
import type { Stage } from './stage.js';

const SCRIPT = 'migrate.vnet';
const GUEST_VM = /^vm web .*$/m;

/** @returns the script's path */
export function writeScript(stage: Stage, guest: { ip: string; httpMib: number } | undefined): string {
  const text = readFileSync(stage.example(SCRIPT), 'utf8');
  const path = join(stage.directory, SCRIPT);
  writeFileSync(
    path,
    text.replace(GUEST_VM, (line) => (guest ? withGuest(line, stage, guest) : '')),
  );
  return path;
}

function withGuest(line: string, stage: Stage, { ip, httpMib }: { ip: string; httpMib: number }): string {
  const { kernel, initrd, append } = makeGuest(join(stage.directory, 'initrd'), { ip: `${ip}/24`, httpMib });
  return line.replace(/kernel .*$/, `kernel ${kernel} initrd ${initrd} append "${append}"`);
}
