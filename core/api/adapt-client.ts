/** The calls about adaptation of the control API's client. */
import type {
  AdaptAuthority,
  AdaptPlan,
  AdaptProgress,
  AdaptReason,
  AdaptRecord,
  AdaptSettings,
  AdaptView,
} from '../adapt.js';
import type { ErrorBody } from '../errors.js';

/** One line of a streamed plan that is carried out; `alive` now and then where there is nothing else to say. */
export type AdaptLine =
  | { progress: AdaptProgress }
  | { result: AdaptRecord }
  | { error: ErrorBody }
  | { alive: true };

/** The longest search, and what is around it. */
const PLAN_TIMEOUT_MS = 90_000;
/** A change waits for others, and for moves that are cancelled. */
const CLEAR_TIMEOUT_MS = 600_000;

export interface AdaptRequests {
  json<T>(method: string, path: string, body?: unknown, timeoutMs?: number): Promise<T>;
  query(fields: Record<string, string | number | undefined>): string;
  /** Lines until the result; throws the line's error. */
  stream(path: string, body: unknown, onProgress: (progress: AdaptProgress) => void): Promise<AdaptRecord>;
}

export function adaptCalls({ json, query, stream }: AdaptRequests): AdaptAuthority {
  return {
    adaptation: (history) => json<AdaptView>('GET', `/v1/adaptation${query({ history })}`),
    setAdaptation: (settings) => json<AdaptSettings>('PUT', '/v1/adaptation', settings),
    planAdaptation: (request = {}) =>
      json<AdaptPlan>('POST', '/v1/adaptation/plan', request, PLAN_TIMEOUT_MS),
    applyAdaptation: (plan, progress = () => {}) => stream('/v1/adaptation/apply', { plan }, progress),
    whyAdapted: (subject) => json<AdaptReason>('GET', `/v1/adaptation/why${query({ subject })}`),
    clearAdaptation: () =>
      json<AdaptRecord | undefined>('DELETE', '/v1/adaptation', undefined, CLEAR_TIMEOUT_MS),
  };
}
