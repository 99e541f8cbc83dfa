/**
 * What the exec driver and a user's command say to each other.
 *
 * The command is run by /bin/sh as `COMMAND VERB NAME`, in a process group of its own. Verbs: `start`, `stop`, `status`,
 * `check`, and for a move `receive` (destination), `send` (source), `cancel` (source), `discard` (destination). On its
 * standard input it gets one JSON object (`Input`), on its standard output it writes one JSON object a line (`Line`),
 * on standard error words for a person. Exit code 0: done. Any other: failed, with the last `error` line, or else the
 * last line of standard error, as the reason.
 *
 * - `start` ends when the VM runs; `stop` when nothing of it does. Both do nothing where there is nothing to do.
 * - `status` writes `{"state": "running" | "paused" | "stopped"}`.
 * - `check` writes `{"obstacles": [...]}`; nothing at all means that it can be.
 * - `receive` writes `{"ticket": {...}}` when it is ready. It may go on and write `{"running": true}` once the VM runs
 *   here; or it ends, and the driver asks `status` until that says `running`.
 * - `send` gets the ticket; writes `{"progress": {...}}` now and then, `{"paused": true}` when the VM stops executing,
 *   `{"running": true}` if it goes on here after all, and ends with 0 when it is gone from here.
 * - `cancel` makes the VM run on here, after `send` was ended by a signal. `discard` throws away what `receive` got.
 */
import type { HostMachine, MoveOptions, MoveTransfer, VmObstacle, VmSpec } from '../../core/index.js';
import { VnetError } from '../../core/index.js';
import { SHOWN_CHARACTERS_MAX } from './limits.js';

export type Verb = 'start' | 'stop' | 'status' | 'check' | 'receive' | 'send' | 'cancel' | 'discard';

export interface Input {
  spec: VmSpec;
  /** Where the VM's frames enter on this host; absent for `check`. */
  port?: string;
  /** `send`: what the destination's `receive` gave. */
  ticket?: Record<string, unknown>;
  /** `receive`, `send`. */
  options?: MoveOptions;
  /** `stop`. */
  graceMs?: number;
  /** `check`: the host that it would come from; absent: it would be started. */
  from?: HostMachine;
}

export const STATES = ['running', 'paused', 'stopped'] as const;
export type State = (typeof STATES)[number];

export interface Line {
  state?: State;
  progress?: Partial<MoveTransfer>;
  paused?: true;
  running?: true;
  ticket?: Record<string, unknown>;
  obstacles?: VmObstacle[];
  /** A Unix socket with the VM's console. */
  console?: string;
  error?: string;
}

const OBSTACLE_KINDS: readonly VmObstacle['kind'][] = [
  'memory',
  'cpu',
  'cpu-model',
  'image',
  'driver',
  'port',
  'network',
  'place',
  'state',
  'reach',
];

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): boolean => typeof value === 'string';
const isCount = (value: unknown): boolean => Number.isFinite(value) && Number(value) >= 0;

const SHAPES: Record<keyof Line, (value: unknown) => boolean> = {
  state: (value) => STATES.includes(value as State),
  progress: (value) =>
    isObject(value) &&
    Object.entries(value).every(([key, part]) =>
      key === 'postCopy' ? typeof part === 'boolean' : key in NO_TRANSFER && isCount(part),
    ),
  paused: (value) => value === true,
  running: (value) => value === true,
  ticket: isObject,
  obstacles: (value) => Array.isArray(value) && value.every(isObstacle),
  console: isText,
  error: isText,
};

function isObstacle(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { kind, message, hint, blocking } = value;
  const known = OBSTACLE_KINDS.includes(kind as VmObstacle['kind']);
  return known && isText(message) && (hint === undefined || isText(hint)) && typeof blocking === 'boolean';
}

export const NO_TRANSFER: MoveTransfer = {
  transferredBytes: 0,
  remainingBytes: 0,
  totalBytes: 0,
  bitsPerSecond: 0,
  dirtyBytesPerSecond: 0,
  rounds: 0,
  postCopy: false,
};

/** One line of a command's output. VNET_ERR_INVALID that shows the line. */
export function parseLine(text: string, who: string): Line {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw nonsense(text, who, 'expected a JSON object a line');
  }
  if (!isObject(value)) throw nonsense(text, who, 'expected a JSON object a line');
  for (const [key, part] of Object.entries(value)) {
    const shape = Object.hasOwn(SHAPES, key) ? SHAPES[key as keyof Line] : undefined;
    if (shape === undefined)
      throw nonsense(text, who, `'${key}' is none of ${Object.keys(SHAPES).join(', ')}`);
    if (!shape(part)) throw nonsense(text, who, `'${key}' has a value that it cannot have`);
  }
  return value as Line;
}

export function nonsense(text: string, who: string, why: string): VnetError {
  const shown = text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}...` : text;
  return new VnetError('VNET_ERR_INVALID', `${who} wrote ${JSON.stringify(shown)}: ${why}`, {
    hint: 'write words for people to standard error; docs/migration.md has the protocol',
  });
}
