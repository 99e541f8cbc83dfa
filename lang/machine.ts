/** How a VM is run, as a `vm` statement says it: `run DRIVER [ARGUMENT]` and the parts of a machine. */
import type { IToken } from 'chevrotain';
import { VM_DRIVERS, type VmDriverKind, type VmMachine } from '../core/index.js';
import { nearest } from './did-you-mean.js';
import { valueOf, writeValue } from './tokens.js';
import { driverArgument, partWithoutQemu, unknownDriver, type Wording } from './wording.js';

const PARTS = ['kernel', 'initrd', 'append', 'disk', 'state'] as const;
/** What follows the driver's name, of those that want something. */
const ARGUMENTS = { netns: 'a namespace, as `ip netns` lists it', exec: 'a command' } as const;

type Attributes = Record<string, IToken[] | undefined>;

/** Undefined: somebody else runs it, or what was said of it was reported. */
export function readMachine(
  attributes: Attributes,
  report: (token: IToken, wording: Wording) => void,
): VmMachine | undefined {
  const [driver, argument] = attributes['run'] ?? [];
  const parts = PARTS.flatMap((part) =>
    attributes[part]?.[0] ? [[part, attributes[part][0]] as const] : [],
  );
  const kind = VM_DRIVERS.find((name) => name === driver?.image);
  if (driver !== undefined && kind === undefined) {
    report(driver, unknownDriver(driver.image, VM_DRIVERS, nearest(driver.image, VM_DRIVERS)));
    return undefined;
  }
  if (kind !== 'qemu') for (const [part, token] of parts) report(token, partWithoutQemu(part));
  if (driver === undefined || kind === undefined) return undefined;
  return kind === 'qemu' ? qemu(parts, argument, report) : withArgument(kind, driver, argument, report);
}

function qemu(
  parts: (readonly [(typeof PARTS)[number], IToken])[],
  argument: IToken | undefined,
  report: (token: IToken, wording: Wording) => void,
): VmMachine | undefined {
  if (argument !== undefined) {
    report(argument, driverArgument('qemu', undefined));
    return undefined;
  }
  return { driver: 'qemu', ...Object.fromEntries(parts.map(([part, token]) => [part, valueOf(token)])) };
}

function withArgument(
  kind: Exclude<VmDriverKind, 'qemu'>,
  driver: IToken,
  argument: IToken | undefined,
  report: (token: IToken, wording: Wording) => void,
): VmMachine | undefined {
  if (argument === undefined) {
    report(driver, driverArgument(kind, ARGUMENTS[kind]));
    return undefined;
  }
  const value = valueOf(argument);
  return kind === 'netns' ? { driver: kind, namespace: value } : { driver: kind, command: value };
}

export function writeMachine(machine: VmMachine): string {
  if (machine.driver === 'netns') return `run netns ${writeValue(machine.namespace)}`;
  if (machine.driver === 'exec') return `run exec ${writeValue(machine.command)}`;
  const parts = PARTS.flatMap((part) => {
    const value = machine[part];
    return value === undefined ? [] : [`${part} ${writeValue(value)}`];
  });
  return ['run qemu', ...parts].join(' ');
}
