/** Which machine, and which network namespace, this process is in. */
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';

const NETNS_FOLDER = '/run/netns';

/** One boot of one kernel; the same in all containers of it. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** `net:[4026531840]`; undefined where there is no such process, or it is not ours to look at. */
export function networkOf(pid: number | 'self'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

/** The network of a namespace by its name, in the same form. */
export function networkNamed(namespace: string): string | undefined {
  const found = statSync(join(NETNS_FOLDER, namespace), { throwIfNoEntry: false });
  return found === undefined ? undefined : `net:[${found.ino}]`;
}
