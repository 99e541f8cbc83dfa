import type { Clock, VnetError } from '../../core/index.js';

/** The promise's outcome, or the error of `late` after `timeoutMs`; the promise goes on by itself. */
export function within<T>(
  clock: Clock,
  promise: Promise<T>,
  timeoutMs: number,
  late: () => VnetError,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(timeoutMs, () => reject(late()));
    promise.then(resolve, reject).finally(cancel);
  });
}
