/** Shapes of the control API's requests, checked before anything looks at them. The types are core/topology's. */
import { Type } from 'typebox';

const name = Type.String({ minLength: 1, maxLength: 63, pattern: '^[A-Za-z0-9_][A-Za-z0-9_.-]*$' });
const mac = Type.String({ pattern: '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$' });
const port = Type.Integer({ minimum: 1, maximum: 65535 });
const linkType = Type.Union([Type.Literal('udp'), Type.Literal('tcp')]);
const closed = { additionalProperties: false };

const source = Type.Union([
  Type.Object({ kind: Type.Union([Type.Literal('exact'), Type.Literal('not')]), mac }, closed),
  Type.Object({ kind: Type.Literal('any') }, closed),
]);

const destination = Type.Union([
  Type.Object({ kind: Type.Union([Type.Literal('exact'), Type.Literal('not')]), mac }, closed),
  Type.Object(
    { kind: Type.Union([Type.Literal('any'), Type.Literal('group'), Type.Literal('none')]) },
    closed,
  ),
]);

const portSpec = Type.String({ minLength: 1, maxLength: 120, pattern: '^[a-z]+:[^\\s]+$' });

const action = Type.Union([
  Type.Object({ kind: Type.Literal('edge'), peer: name }, closed),
  Type.Object({ kind: Type.Literal('port'), port: portSpec }, closed),
  Type.Object({ kind: Type.Literal('drop') }, closed),
]);

export const LinkSchema = Type.Object(
  { type: linkType, madeBy: Type.Optional(name), a: name, b: name },
  closed,
);

export const RuleSchema = Type.Object(
  { network: name, host: name, source, destination, actions: Type.Array(action, { minItems: 1, maxItems: 64 }) },
  closed,
);

const shapeKinds = ['star', 'mesh', 'ring', 'line', 'tree', 'torus', 'hypercube'] as const;

/** The largest number of statements of one kind in one request. */
export const STATEMENTS_MAX = 100_000;
const list = <T extends import('typebox').TSchema>(item: T) => Type.Array(item, { maxItems: STATEMENTS_MAX });

export const TopologySchema = Type.Object(
  {
    networks: list(
      Type.Object(
        {
          name,
          id: Type.Optional(Type.Integer({ minimum: 1, maximum: 0xffffffff })),
          mtu: Type.Optional(Type.Integer({ minimum: 576, maximum: 9000 })),
        },
        closed,
      ),
    ),
    hosts: list(
      Type.Object(
        {
          name,
          proxy: Type.Optional(Type.Boolean()),
          endpoint: Type.Optional(Type.Object({ address: Type.String({ minLength: 1, maxLength: 253 }), port }, closed)),
          user: Type.Optional(name),
        },
        closed,
      ),
    ),
    vms: list(
      Type.Object(
        {
          name,
          network: name,
          host: name,
          pinned: Type.Optional(Type.Boolean()),
          macs: Type.Array(mac, { minItems: 1, maxItems: 64 }),
          port: Type.Optional(portSpec),
          memoryBytes: Type.Optional(Type.Number({ minimum: 0 })),
          cpus: Type.Optional(Type.Number({ minimum: 0 })),
        },
        closed,
      ),
    ),
    ports: list(
      Type.Object(
        {
          network: name,
          host: name,
          port: portSpec,
          role: Type.Union([Type.Literal('lan'), Type.Literal('vm')]),
        },
        closed,
      ),
    ),
    links: list(LinkSchema),
    shapes: list(
      Type.Object(
        {
          kind: Type.Union(shapeKinds.map((kind) => Type.Literal(kind))),
          type: linkType,
          network: name,
          hosts: Type.Array(name),
          dimensions: Type.Optional(Type.Array(Type.Integer({ minimum: 1, maximum: 65536 }))),
        },
        closed,
      ),
    ),
    routes: list(
      Type.Object(
        { network: name, from: name, to: name, both: Type.Boolean(), via: Type.Array(name, { minItems: 1 }) },
        closed,
      ),
    ),
    rules: list(RuleSchema),
  },
  closed,
);

const revision = Type.Optional(Type.Integer({ minimum: 0 }));

export const ChangeRequestSchema = Type.Union([
  Type.Object({ kind: Type.Literal('target'), topology: TopologySchema, revision }, closed),
  Type.Object(
    { kind: Type.Literal('change'), change: Type.Object({ add: TopologySchema, remove: TopologySchema }, closed), revision },
    closed,
  ),
]);

export const ConfigurationTimeSchema = Type.Object(
  { boundMs: Type.Number({ minimum: 0, maximum: 3_600_000 }) },
  closed,
);

export const RouteQuerySchema = Type.Object(
  { from: Type.String(), to: Type.String(), network: Type.Optional(Type.String()) },
  closed,
);
