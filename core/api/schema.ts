/**
 * Shapes of the control API's requests as JSON Schema (draft 7, what the server's validator speaks), checked before
 * anything looks at them. The types are core/topology's.
 */

export type JsonSchema = { readonly [keyword: string]: unknown };

const text = (limits: JsonSchema): JsonSchema => ({ type: 'string', ...limits });
const integer = (minimum: number, maximum: number): JsonSchema => ({ type: 'integer', minimum, maximum });
const array = (items: JsonSchema, limits: JsonSchema = {}): JsonSchema => ({
  type: 'array',
  items,
  ...limits,
});
const oneOf = (...values: string[]): JsonSchema => ({ enum: values });
const either = (...schemas: JsonSchema[]): JsonSchema => ({ anyOf: schemas });

/** No other properties than these; the second list may be absent. */
const object = (
  required: Record<string, JsonSchema>,
  optional: Record<string, JsonSchema> = {},
): JsonSchema => ({
  type: 'object',
  properties: { ...required, ...optional },
  required: Object.keys(required),
  additionalProperties: false,
});

const name = text({ minLength: 1, maxLength: 63, pattern: '^[A-Za-z0-9_][A-Za-z0-9_.-]*$' });
const mac = text({ pattern: '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$' });
const portSpec = text({ minLength: 1, maxLength: 120, pattern: '^[a-z]+:[^\\s]+$' });
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

export const TopologySchema = object({
  networks: list(object({ name }, { id: integer(1, 0xffffffff), mtu: integer(576, 9000) })),
  hosts: list(
    object(
      { name },
      {
        proxy: { type: 'boolean' },
        endpoint: object({ address: text({ minLength: 1, maxLength: 253 }), port: integer(1, 65535) }),
        user: name,
      },
    ),
  ),
  vms: list(
    object(
      { name, network: name, host: name, macs: array(mac, { minItems: 1, maxItems: 64 }) },
      { pinned: { type: 'boolean' }, port: portSpec, memoryBytes: number, cpus: number },
    ),
  ),
  ports: list(object({ network: name, host: name, port: portSpec, role: oneOf('lan', 'vm') })),
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
