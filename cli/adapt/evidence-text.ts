/** Measurements that a decision stands on. */
import type { Evidence } from '../../core/index.js';
import { duration, percent } from '../format.js';
import type { Run } from '../run.js';

/** Older ones, or less certain ones, are marked. */
const OLD_MS = 30_000;
const UNSURE = 0.5;

/** `a1 sends b1 12.3 Mbit/s  0.4 s old, confidence 90%`. */
export function evidenceText(run: Run, { text, ageMs, confidence }: Evidence): string {
  const { warn, faint } = run.paint;
  const age = (ageMs > OLD_MS ? warn : faint)(`${duration(ageMs)} old`);
  const sure = (confidence < UNSURE ? warn : faint)(`confidence ${percent(confidence)}`);
  return `${text}  ${age}${faint(',')} ${sure}`;
}
