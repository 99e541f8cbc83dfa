/** `tc` and `ip` of iproute2, in this process's network namespace. */
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { VnetError } from '../../core/index.js';
import { runTool } from '../tool.js';

export interface Qdisc {
  kind: string;
  /** `0:` is one that the kernel made by itself. */
  handle: string;
  dev: string;
  root?: boolean;
}

/** Of all interfaces, or of one. */
export async function listQdiscs(device?: string): Promise<Qdisc[]> {
  const of = device === undefined ? [] : ['dev', device];
  return JSON.parse((await runTool('tc', ['-j', 'qdisc', 'show', ...of])) || '[]') as Qdisc[];
}

/** All lines, or those before the first that fails. */
export async function tcBatch(lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await runTool('tc', ['-batch', '-'], { input: `${lines.join('\n')}\n` });
}

/** The interface by which packets to an address leave. VNET_ERR_UNREACHABLE where none does. */
export async function interfaceTo(address: string): Promise<string> {
  if (isIP(address) === 0) throw new VnetError('VNET_ERR_INVALID', `${address} is no IP address`);
  const [route] = await runTool('ip', ['-j', 'route', 'get', address]).then(
    (text) => JSON.parse(text) as { dev?: string }[],
    (thrown: unknown) => {
      throw new VnetError(
        'VNET_ERR_UNREACHABLE',
        `no route leads to ${address}: ${VnetError.from(thrown).message}`,
      );
    },
  );
  if (route?.dev !== undefined) return route.dev;
  throw new VnetError('VNET_ERR_UNREACHABLE', `packets to ${address} leave by no interface`);
}

/** False: the interface is gone, and what was on it with it. */
export const isThere = (device: string): boolean => existsSync(`/sys/class/net/${device}`);

/** Bits a second that an interface says it carries; undefined: it does not say. */
export function speedOf(device: string): number | undefined {
  try {
    const megabits = Number(readFileSync(`/sys/class/net/${device}/speed`, 'utf8'));
    return megabits > 0 ? megabits * 1e6 : undefined;
  } catch {
    return undefined; // a virtual interface, or one without a cable
  }
}
