/** Shapes of the control API's requests about VMs; the types are core/vm's. */
import { array, either, integer, type JsonSchema, name, object, oneOf, text } from './schema-parts.js';

const path = text({ minLength: 1, maxLength: 4096, pattern: '^[^\\u0000\\n]+$' });

export const VmMachineSchema: JsonSchema = either(
  object(
    { driver: oneOf('qemu') },
    { kernel: path, initrd: path, append: text({ maxLength: 2048 }), disk: path, state: path },
  ),
  object({ driver: oneOf('netns'), namespace: text({ pattern: '^[^/\\s]{1,255}$' }) }),
  object({ driver: oneOf('exec'), command: path }),
);

/** A body that may be left out. */
const mayBeAbsent = (schema: JsonSchema): JsonSchema => either(schema, { type: 'null' });
const fence = array(name, { maxItems: 1000 });
const DAY_MS = 86_400_000;

export const MoveOptionsSchema = object(
  {},
  {
    postCopy: oneOf('auto', 'never'),
    bitsPerSecond: { type: 'number', minimum: 1000, maximum: 1e14 },
    downtimeMs: { type: 'number', minimum: 1, maximum: 60_000 },
    address: text({ minLength: 1, maxLength: 253 }),
    timeoutMs: integer(1000, DAY_MS),
  },
);

/** Of one request. */
export const MOVES_REQUESTED_MAX = 10_000;

export const VmStartSchema = mayBeAbsent(object({}, { host: name, fence }));
export const VmStopSchema = mayBeAbsent(object({}, { graceMs: integer(0, 3_600_000), fence }));
export const VmCheckSchema = object({ host: name });
export const MoveRequestSchema = object(
  { moves: array(object({ vm: name, host: name }), { minItems: 1, maxItems: MOVES_REQUESTED_MAX }) },
  { options: MoveOptionsSchema },
);
export const DrainSchema = mayBeAbsent(object({}, { options: MoveOptionsSchema }));
