/** What the suites in namespaces share: pings, waiting for links, and why they are skipped. */
import { ensurePrivilege, type OverlayLab } from '../../lab/index.js';

export interface Pings {
  received: number;
  /** The fastest, milliseconds; NaN where none came back. */
  rttMs: number;
}

/** False, or the cause for which a suite is skipped. */
export function needNamespaces(): string | false {
  const privilege = ensurePrivilege();
  return privilege.means === 'direct' ? false : `needs network namespaces: ${privilege.reason}`;
}

/** Labs of files that run at the same time must not share a name. */
export function labName(prefix: string): string {
  return `${prefix}${process.pid}`;
}

/** `from`: a VM of the lab. */
export async function pings(overlay: OverlayLab, from: string, address: string, count = 3): Promise<Pings> {
  const { stdout } = await overlay.lab
    .vm(from)
    .run(['ping', '-c', String(count), '-i', '0.1', '-W', '1', address]);
  return {
    received: Number(/(\d+) received/.exec(stdout)?.[1] ?? 0),
    rttMs: Number(/= ([\d.]+)\//.exec(stdout)?.[1] ?? Number.NaN),
  };
}

/** Waits until one ping comes back. */
export async function reaches(overlay: OverlayLab, from: string, address: string): Promise<void> {
  const answered = async () => (await pings(overlay, from, address, 1)).received === 1;
  await overlay.until(`${from} reaches ${address}`, answered);
}

/** Waits until `host` has a live link (or none) of the type to `peer`. */
export async function directly(
  overlay: OverlayLab,
  host: string,
  peer: string,
  type: 'udp' | 'tcp',
  up = true,
): Promise<void> {
  await overlay.until(`the ${type} link ${host}-${peer} ${up ? 'up' : 'down'}`, async () => {
    const { links } = await overlay.client(host).local();
    return links.some((link) => link.peer === peer && link.type === type && link.up) === up;
  });
}
