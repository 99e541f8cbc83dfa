/** What evidence does to what is decided by. */
import { test } from 'tap';
import type { Estimate, PathEstimate } from '../../core/index.js';
import type { Snapshot } from '../planner/index.js';
import { Smoothing } from './smoothing.js';

const STEP_MS = 500;

const found = (value: number, confidence = 0.9, ageMs = 0): Estimate => ({
  ...{ value, confidence, ageMs, method: 'traffic' },
});

/** A path from a to b: of a link where one is named, else tried. */
function path(available: Estimate, link?: string): PathEstimate {
  const rest = { throughputBitsPerSecond: found(0, 1) };
  return {
    ...{ from: 'a', to: 'b', reachable: true, availableBitsPerSecond: available },
    ...(link !== undefined && { link: { link, from: 'a', to: 'b', type: 'udp', ...rest } }),
  };
}

function smoother() {
  const smoothing = new Smoothing();
  let atMs = 0;
  return {
    /** What is decided by after the path was seen so in each of some steps. */
    see: (of: (step: number) => PathEstimate, steps = 1): Estimate => {
      let last: Estimate | undefined;
      for (let step = 0; step < steps; step++) {
        atMs += STEP_MS;
        const snapshot = {
          ...{ atMs, underlay: { paths: [of(step)] }, matrix: { pairs: [] }, loads: new Map() },
        } as unknown as Snapshot;
        last = smoothing.smooth(snapshot).underlay.paths[0]?.availableBitsPerSecond;
      }
      return last as Estimate;
    },
  };
}

test('noise is smoothed, a change is taken over', async (t) => {
  const { see } = smoother();
  const noisy = see((step) => path(found(step % 2 === 0 ? 8e6 : 12e6)), 40);
  t.ok(Math.abs(noisy.value - 10e6) < 0.5e6, `${noisy.value}`);
  see(() => path(found(1e6)), 2);
  t.equal(see(() => path(found(1e6))).value, 1e6, 'the third in a row');
});

test('what is unsure does not outweigh what was sure', async (t) => {
  const { see } = smoother();
  see(() => path(found(16e6, 0.95)), 4);
  const after = see(() => path(found(0.2e6, 0.1)), 40);
  t.ok(after.value > 12e6, `${after.value} after 20 s`);
  t.ok(after.confidence > 0.9, 'and it is still as sure');
  t.equal(see(() => path(found(0.2e6, 0.9)), 3).value, 0.2e6, 'what is as sure is believed');
});

test('evidence counts once', async (t) => {
  const { see } = smoother();
  see(() => path(found(16e6)), 4);
  const once = see(() => path(found(1e6)));
  const again = see((step) => path(found(1e6, 0.9, (step + 1) * STEP_MS)), 10);
  t.equal(again.value, once.value);
});

test('a link begins with what is known of its path, and leaves that as it was', async (t) => {
  const { see } = smoother();
  const tried = (step: number) => path(found(16e6, 0.95, (step + 1) * STEP_MS));
  see(tried);
  const linked = see(() => path(found(0.2e6, 0.1), 'one'), 10);
  t.ok(linked.value > 12e6, `${linked.value}`);
  see(() => path(found(0.2e6, 0.9), 'one'), 4);
  t.equal(see(tried).value, 16e6, 'the link is gone');
});
