/** Shapes of the control API's requests about adaptation; the types and ranges are core/adapt's. */
import { ADAPT_HISTORY_MAX, ADAPT_MECHANISMS } from '../adapt.js';
import { array, either, integer, type JsonSchema, name, object, oneOf, text } from './schema-parts.js';

const within = (minimum: number, maximum: number): JsonSchema => ({ type: 'number', minimum, maximum });
const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;
/** Of one change. */
const ADAPT_MOVES_MAX = 1000;

/** What also one plan may be made with. */
const search = {
  mechanisms: array(oneOf(...ADAPT_MECHANISMS), { uniqueItems: true }),
  objective: text({ minLength: 1, maxLength: 63 }),
  // A name, or a file or program of the user's own on the Proxy's host.
  solver: text({ minLength: 1, maxLength: 4096 }),
  budgetMs: within(10, 60_000),
  linksPerHost: integer(0, 64),
};

export const AdaptSettingsSchema = object(
  {},
  {
    ...search,
    mode: oneOf('off', 'advise', 'auto'),
    gainThreshold: within(0, 10),
    settleMs: within(100, HOUR_MS),
    confirmMs: within(0, HOUR_MS),
    horizonMs: within(1000, WEEK_MS),
    linkType: oneOf('udp', 'tcp'),
    movesMax: integer(0, ADAPT_MOVES_MAX),
  },
);

export const AdaptPlanSchema = either(object({}, { network: name, settings: object({}, search) }), {
  type: 'null',
});
export const AdaptApplySchema = object({ plan: text({ minLength: 1, maxLength: 200 }) });

/** A query is text: how far a number of it may go is said by its digits, and by the Proxy. */
export const AdaptQuerySchema = object(
  {},
  { history: text({ pattern: `^[0-9]{1,${String(ADAPT_HISTORY_MAX).length}}$` }) },
);
/** A VM, or two hosts. */
export const AdaptWhySchema = object({ subject: text({ minLength: 1, maxLength: 200 }) });
