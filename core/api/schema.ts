/**
 * Shapes of the control API's requests as JSON Schema (draft 7, what the server's validator speaks), checked before
 * anything looks at them. The types are core/topology's.
 */
import { ECHOES_MAX, ECHO_DURATION_MAX_MS } from '../control.js';
import { array, either, integer, type JsonSchema, name, object, oneOf, text } from './schema-parts.js';
import { VmMachineSchema } from './vm-schema.js';

const mac = text({ pattern: '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$' });
const portSpec = text({ minLength: 1, maxLength: 120, pattern: '^[a-z]+(-[a-z]+)*:[^\\s]+$' });
const linkType = oneOf('udp', 'tcp');

const source = either(object({ kind: oneOf('exact', 'not'), mac }), object({ kind: oneOf('any') }));
const destination = either(
  object({ kind: oneOf('exact', 'not'), mac }),
  object({ kind: oneOf('any', 'group', 'none') }),
);
const action = either(
  object({ kind: oneOf('edge'), peer: name }),
  object({ kind: oneOf('port'), port: portSpec }),
  object({ kind: oneOf('drop') }),
);

export const LinkSchema = object({ type: linkType, a: name, b: name }, { madeBy: name });

export const RuleSchema = object({
  network: name,
  host: name,
  source,
  destination,
  actions: array(action, { minItems: 1, maxItems: 64 }),
});

/** The largest number of statements of one kind in one request. */
export const STATEMENTS_MAX = 100_000;
const list = (item: JsonSchema): JsonSchema => array(item, { maxItems: STATEMENTS_MAX });
const number = { type: 'number', minimum: 0 };

const ReservationSchemas = {
  linkReservations: list(
    object({ type: linkType, from: name, to: name, bitsPerSecond: { type: 'number', exclusiveMinimum: 0 } }),
  ),
  cpuReservations: list(
    object({ vm: name, periodUs: integer(1000, 1_000_000), sliceUs: integer(100, 64_000_000) }),
  ),
  constraints: list(
    either(
      object({ kind: oneOf('apart', 'together'), vms: array(name, { minItems: 2 }) }),
      object({
        kind: oneOf('within'),
        vms: array(name, { minItems: 2, maxItems: 2 }),
        maxLatencyUs: { type: 'number', exclusiveMinimum: 0 },
      }),
    ),
  ),
};

export const TopologySchema = object({
  networks: list(object({ name }, { id: integer(1, 0xffffffff), mtu: integer(576, 9000) })),
  hosts: list(
    object(
      { name },
      {
        proxy: { type: 'boolean' },
        endpoint: object({ address: text({ minLength: 1, maxLength: 253 }), port: integer(1, 65535) }),
        user: name,
        memoryBytes: number,
        cpus: number,
      },
    ),
  ),
  vms: list(
    object(
      { name, network: name, host: name, macs: array(mac, { minItems: 1, maxItems: 64 }) },
      {
        pinned: { type: 'boolean' },
        port: portSpec,
        memoryBytes: number,
        cpus: number,
        among: array(name, { minItems: 1 }),
        machine: VmMachineSchema,
      },
    ),
  ),
  ports: list(object({ network: name, host: name, port: portSpec, role: oneOf('lan', 'vm', 'vms') })),
  links: list(LinkSchema),
  shapes: list(
    object(
      {
        kind: oneOf('star', 'mesh', 'ring', 'line', 'tree', 'torus', 'hypercube'),
        type: linkType,
        network: name,
        hosts: array(name),
      },
      { dimensions: array(integer(1, 65536)) },
    ),
  ),
  routes: list(
    object({
      network: name,
      from: name,
      to: name,
      both: { type: 'boolean' },
      via: array(name, { minItems: 1 }),
    }),
  ),
  rules: list(RuleSchema),
  ...ReservationSchemas,
});

const revision = integer(0, Number.MAX_SAFE_INTEGER);

export const ChangeRequestSchema = either(
  object({ kind: oneOf('target'), topology: TopologySchema }, { revision }),
  object(
    { kind: oneOf('change'), change: object({ add: TopologySchema, remove: TopologySchema }) },
    { revision },
  ),
);

export const ConfigurationTimeSchema = object({
  boundMs: { type: 'number', minimum: 0, maximum: 3_600_000 },
});

export const RouteQuerySchema = object({ from: text({}), to: text({}) }, { network: text({}) });

export const NetworkQuerySchema = object({}, { network: text({}) });

/** A query is text: how far a number of it may go is said by its digits. */
export const MatrixQuerySchema = object(
  {},
  { network: text({}), limit: text({ pattern: '^([1-9][0-9]{0,3}|10000)$' }) },
);

export const HistoryQuerySchema = object({}, { after: text({ pattern: '^[0-9]{1,15}$' }) });

const within = (minimum: number, maximum: number): JsonSchema => ({ type: 'number', minimum, maximum });

/** Ranges as `SightParameters` says; that smoothing covers an update is the Proxy's to check. */
export const SightSchema = object(
  {},
  {
    updateMs: within(20, 60_000),
    smoothingMs: within(20, 600_000),
    detectionThreshold: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
    probeShare: within(0, 0.1),
    derived: { type: 'boolean' },
  },
);

/** The least Ethernet frame without FCS; a network's MTU says how large one may be. */
const ECHO_BYTES_MIN = 60;
const ECHO_BYTES_MAX = 9014;
const withDefault = (limits: JsonSchema, value: number): JsonSchema => ({ ...limits, default: value });

export const EchoSchema = object(
  { from: text({ minLength: 1 }), to: text({ minLength: 1 }) },
  {
    network: text({ minLength: 1 }),
    count: withDefault(integer(1, ECHOES_MAX), 1),
    bytes: withDefault(integer(ECHO_BYTES_MIN, ECHO_BYTES_MAX), ECHO_BYTES_MIN),
    intervalMs: withDefault(within(1, ECHO_DURATION_MAX_MS), 100),
    timeoutMs: withDefault(within(1, ECHO_DURATION_MAX_MS), 1000),
  },
);
