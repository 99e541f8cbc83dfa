/** What a destination gives the source of a move. */
import type { VmTicket } from '../../core/index.js';

export type QemuTicket = VmTicket & {
  driver: 'qemu';
  address: string;
  /** Where QEMU takes the VM. */
  port: number;
  /** Where the driver says the word (handover.ts), and what proves that the source is meant. */
  handoverPort: number;
  token: string;
  /** The destination's kernel can fetch pages on demand (userfaultfd). */
  postCopy: boolean;
  /** What it emulates; the source must emulate the same. */
  accelerator: string;
  cpu: string;
};

export function isTicket(ticket: unknown): ticket is QemuTicket {
  const {
    driver,
    address,
    port,
    handoverPort: other,
    token,
  } = (ticket ?? {}) as Partial<Record<keyof QemuTicket, unknown>>;
  return driver === 'qemu' && [address, token].every(isText) && [port, other].every(isPort);
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const isPort = (value: unknown): boolean => Number.isInteger(value) && Number(value) > 0;

/** As `migrate` and `migrate-incoming` take it. */
export const uriOf = (address: string, port: number): string =>
  `tcp:${address.includes(':') ? `[${address}]` : address}:${port}`;
