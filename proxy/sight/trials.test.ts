/** Pairs without a link are tried one at a time, and what was found is kept as long as it is the best there is. */
import t from 'tap';
import { type LinkEstimate, ManualClock } from '../../core/index.js';
import type { Trial } from '../lowering/index.js';
import { Trials } from './trials.js';

const STEP_MS = 1000;
const TRIAL_MAX_MS = 10_000;
const AGAIN_MS = 600_000;
const endpoint = { address: '192.0.2.1', port: 7700 };

function bed() {
  const clock = new ManualClock();
  const found = new Map<string, [bitsPerSecond: number, confidence: number]>();
  const seen = { trials: [] as readonly Trial[], enabled: true, calm: true };
  const trials = new Trials({
    clock,
    hosts: () => [
      { name: 'a', endpoint },
      { name: 'b', endpoint },
      { name: 'c', endpoint },
    ],
    isReady: () => true,
    isLinked: (a, b) => `${a}${b}` === 'ac',
    estimate(from, to) {
      const known = found.get(`${from}${to}`);
      if (!known) return undefined;
      const [value, confidence] = known;
      const available = { value, confidence, ageMs: 0, method: 'trains' };
      return { from, to, availableBitsPerSecond: available } as unknown as LinkEstimate;
    },
    enabled: () => seen.enabled,
    isCalm: () => seen.calm,
    set: (now) => {
      seen.trials = now;
    },
  });
  t.teardown(() => trials.close());
  const pass = (ms: number) => {
    for (let at = 0; at < ms; at += STEP_MS) clock.advance(STEP_MS);
  };
  const rates = () =>
    Object.fromEntries(
      trials.results().map(({ from, to, estimate }) => [from + to, estimate.availableBitsPerSecond?.value]),
    );
  return { seen, found, pass, rates };
}

t.test('each pair without a link has its turn, and is left when it is known', async (t) => {
  const { seen, found, pass, rates } = bed();
  seen.calm = false;
  pass(2 * STEP_MS);
  t.same(seen.trials, [], 'not while the overlay is being changed');
  seen.calm = true;
  pass(STEP_MS);
  t.same(seen.trials, [['a', 'b']]);
  found.set('ab', [5e6, 0.9]);
  pass(STEP_MS);
  t.same(seen.trials, [['a', 'b']], 'one direction is not enough');
  found.set('ba', [4e6, 0.7]);
  pass(STEP_MS);
  t.same(seen.trials, []);
  pass(STEP_MS);
  t.same(seen.trials, [['b', 'c']], 'a and c have a link');
  pass(TRIAL_MAX_MS + STEP_MS);
  t.same(seen.trials, [], 'what cannot be known is left');
  t.same(rates(), { ab: 5e6, ba: 4e6 });
});

t.test('what is not sure does not take the place of what was', async (t) => {
  const { seen, found, pass, rates } = bed();
  found.set('ab', [5e6, 0.9]).set('ba', [4e6, 0.3]);
  pass(TRIAL_MAX_MS + 2 * STEP_MS);
  t.same(rates(), { ab: 5e6, ba: 4e6 }, 'something is better than nothing');
  found.set('ab', [3e4, 0.1]).set('ba', [2e6, 0.2]);
  seen.enabled = false;
  pass(AGAIN_MS);
  seen.enabled = true;
  pass(TRIAL_MAX_MS + 4 * STEP_MS);
  t.same(rates(), { ab: 5e6, ba: 2e6 });
  found.set('ab', [6e6, 0.8]).set('ba', [6e6, 0.8]);
  pass(AGAIN_MS + 2 * TRIAL_MAX_MS);
  t.same(rates(), { ab: 6e6, ba: 6e6 });
});
