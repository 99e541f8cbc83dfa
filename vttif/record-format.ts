/**
 * Recorded traffic, as `vnet record` writes and `vnet replay` reads it: NDJSON, one JSON value a line, UTF-8.
 *
 *   {"vnet":"traffic","version":1,"parameters":{"updateMs":200,"smoothingMs":1000,...}}
 *   {"serial":1,"atMs":1700000000000,"network":"lab","pairs":[["web","db",1500,1],...]}
 *
 * The first line is the header; `parameters` are those the recording ran with. Every other line is a TrafficStep: names,
 * octets and frames of one network, counted in the update period before `atMs`. Steps ascend in time; their serials in
 * order, with gaps where the history was too short. A version that changes what lines mean gets another number.
 */
import { DEFAULT_SIGHT, type SightParameters, type TrafficStep, VnetError } from '../core/index.js';
import { mergeParameters } from './parameters.js';

const VERSION = 1;
/** A line of more characters is refused unread: a step of 200,000 pairs has about 16 million. */
export const RECORD_LINE_CHARS_MAX = 64_000_000;

export interface RecordHeader {
  parameters: SightParameters;
}

/** With its newline. */
export function recordHeader(parameters: SightParameters): string {
  return `${JSON.stringify({ vnet: 'traffic', version: VERSION, parameters })}\n`;
}

/** With its newline. */
export function recordStep({ serial, atMs, network, pairs }: TrafficStep): string {
  return `${JSON.stringify({ serial, atMs, network, pairs })}\n`;
}

/** Reads lines one by one, in order. Throws VNET_ERR_INVALID with the line's number for what cannot be right. */
export class RecordReader {
  #line = 0;
  #header: RecordHeader | undefined;
  #serial = 0;
  #atMs = Number.NEGATIVE_INFINITY;

  /** Undefined before the first line. */
  get header(): RecordHeader | undefined {
    return this.#header;
  }

  /** The line's step; undefined for the header and for empty lines. */
  read(line: string): TrafficStep | undefined {
    this.#line++;
    if (line.trim() === '') return undefined;
    if (line.length > RECORD_LINE_CHARS_MAX)
      throw this.#invalid(`has more than ${RECORD_LINE_CHARS_MAX} characters`);
    const value = this.#parse(line);
    if (!this.#header) {
      this.#header = this.#asHeader(value);
      return undefined;
    }
    const step = this.#asStep(value);
    if (step.serial <= this.#serial || step.atMs < this.#atMs) throw this.#invalid('is out of order');
    this.#serial = step.serial;
    this.#atMs = step.atMs;
    return step;
  }

  #parse(line: string): Record<string, unknown> {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (cause) {
      throw this.#invalid('is not JSON', cause);
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw this.#invalid('is not an object');
    return value as Record<string, unknown>;
  }

  #asHeader(value: Record<string, unknown>): RecordHeader {
    if (value['vnet'] !== 'traffic') throw this.#invalid('is not the header of recorded traffic');
    if (value['version'] !== VERSION) {
      throw this.#invalid(`is of version ${String(value['version'])}, this program reads version ${VERSION}`);
    }
    const given = value['parameters'];
    if (typeof given !== 'object' || given === null) throw this.#invalid('has no parameters');
    const parameters = { ...DEFAULT_SIGHT };
    for (const key of ['updateMs', 'smoothingMs', 'detectionThreshold', 'probeShare'] as const) {
      const number = (given as Record<string, unknown>)[key];
      if (typeof number !== 'number') throw this.#invalid(`has no number for "${key}"`);
      parameters[key] = number;
    }
    try {
      return { parameters: mergeParameters({ ...parameters, derived: false }, {}, 0) };
    } catch (cause) {
      throw new VnetError('VNET_ERR_INVALID', `line ${this.#line}: ${VnetError.from(cause).message}`, {
        cause,
      });
    }
  }

  #asStep({ serial, atMs, network, pairs }: Record<string, unknown>): TrafficStep {
    if (!isCount(serial) || !isCount(atMs)) throw this.#invalid('has no serial or time');
    if (typeof network !== 'string') throw this.#invalid('has no network');
    if (!Array.isArray(pairs)) throw this.#invalid('has no pairs');
    const bad = pairs.findIndex((pair) => !isPair(pair));
    if (bad >= 0) throw this.#invalid(`has a pair (the ${bad + 1}.) that is not [from, to, octets, frames]`);
    return { serial, atMs, network, pairs: pairs as TrafficStep['pairs'] };
  }

  #invalid(what: string, cause?: unknown): VnetError {
    return new VnetError(
      'VNET_ERR_INVALID',
      `line ${this.#line} ${what}`,
      cause === undefined ? {} : { cause },
    );
  }
}

const isCount = (value: unknown): value is number => Number.isFinite(value) && (value as number) >= 0;

const isPair = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length === 4 &&
  typeof value[0] === 'string' &&
  typeof value[1] === 'string' &&
  isCount(value[2]) &&
  isCount(value[3]);
