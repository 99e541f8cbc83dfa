/** What the schemas of the control API are put together from: JSON Schema, draft 7. */

export type JsonSchema = { readonly [keyword: string]: unknown };

export const text = (limits: JsonSchema): JsonSchema => ({ type: 'string', ...limits });
export const integer = (minimum: number, maximum: number): JsonSchema => ({
  type: 'integer',
  minimum,
  maximum,
});
export const array = (items: JsonSchema, limits: JsonSchema = {}): JsonSchema => ({
  type: 'array',
  items,
  ...limits,
});
export const oneOf = (...values: string[]): JsonSchema => ({ enum: values });
export const either = (...schemas: JsonSchema[]): JsonSchema => ({ anyOf: schemas });

/** No other properties than these; the second list may be absent. */
export const object = (
  required: Record<string, JsonSchema>,
  optional: Record<string, JsonSchema> = {},
): JsonSchema => ({
  type: 'object',
  properties: { ...required, ...optional },
  required: Object.keys(required),
  additionalProperties: false,
});

export const name = text({ minLength: 1, maxLength: 63, pattern: '^[A-Za-z0-9_][A-Za-z0-9_.-]*$' });
