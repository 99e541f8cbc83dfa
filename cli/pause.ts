/** Waiting that a person can end. */
import type { Run } from './run.js';

/** False: the signal (of the run, unless another is given) was aborted before or meanwhile. */
export function pause(run: Run, ms: number, signal: AbortSignal = run.context.signal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const done = (whole: boolean): void => {
      signal.removeEventListener('abort', interrupt);
      resolve(whole);
    };
    const interrupt = (): void => {
      cancel();
      done(false);
    };
    const cancel = run.context.clock.after(ms, () => done(true));
    signal.addEventListener('abort', interrupt, { once: true });
  });
}

/** Aborted after `forMs` (absent: never), when the run is interrupted, or by the caller, who calls `done` at last. */
export function endAfter(run: Run, forMs: number | undefined): { ended: AbortController; done: () => void } {
  const { clock, signal } = run.context;
  const ended = new AbortController();
  const stop = (): void => ended.abort();
  const cancel = forMs === undefined ? undefined : clock.after(forMs, stop);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  return {
    ended,
    done: () => {
      cancel?.();
      signal.removeEventListener('abort', stop);
      stop();
    },
  };
}
