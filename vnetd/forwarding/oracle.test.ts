import fc from 'fast-check';
import t from 'tap';
import {
  type Action,
  BROADCAST,
  type DestinationMatcher,
  isGroup,
  macToNumber,
  type Rule,
  RULE_ORIGINS,
  type SourceMatcher,
  VnetError,
} from '../../core/index.js';
import { ForwardingTable, type FrameKey } from './index.js';
import {
  A,
  any,
  B,
  C,
  drop,
  edge,
  exact,
  group,
  MDNS,
  none,
  not,
  port,
  slowMatch,
  told,
} from './slow-table.js';

const arbMac = fc.constantFrom(A, B, C, BROADCAST, MDNS);
const arbSource: fc.Arbitrary<SourceMatcher> = fc.oneof(
  fc.constantFrom(A, B, C).map((mac) => exact(mac)),
  fc.constantFrom(A, B, C).map((mac) => not(mac)),
  fc.constant(any),
);
const arbDestination: fc.Arbitrary<DestinationMatcher> = fc.oneof(
  arbMac.map((mac) => exact(mac)),
  arbMac.map((mac) => not(mac)),
  fc.constantFrom<DestinationMatcher>(any, group, none),
);
const arbPlace = fc.constantFrom(edge('p'), edge('q'), edge('r'), port('x'), port('y'));
const arbActions = fc.oneof(
  { weight: 3, arbitrary: arbPlace.map((one) => [one]) },
  { weight: 6, arbitrary: fc.array(arbPlace, { minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom<Action[]>([drop], [{ kind: 'hold' }]) },
);
const arbRule: fc.Arbitrary<Rule> = fc
  .record({
    id: fc.integer({ min: 0, max: 40 }).map((n) => `r${n}`),
    network: fc.constantFrom(1, 1, 1, 2),
    source: arbSource,
    destination: arbDestination,
    actions: arbActions,
    origin: fc.constantFrom(...RULE_ORIGINS),
    fromEpoch: fc.constantFrom(0, 0, 1, 2),
    length: fc.constantFrom(undefined, undefined, 1, 2),
  })
  .map(({ length, ...rest }) => ({
    ...rest,
    owner: 'auto' as const,
    ...(length === undefined ? {} : { toEpoch: rest.fromEpoch + length }),
  }));
const arbFrame: fc.Arbitrary<FrameKey> = fc.record({
  network: fc.constantFrom(1, 1, 2),
  ground: fc.boolean(),
  source: fc.constantFrom(A, B, C),
  destination: arbMac,
  epoch: fc.integer({ min: 0, max: 4 }),
  ingress: fc.constantFrom(
    undefined,
    { kind: 'port', port: 'x' } as const,
    { kind: 'edge', peer: 'p' } as const,
    { kind: 'edge', peer: 'q' } as const,
  ),
});

/** Adds what it can, one by one; keeps its own list of what should be there. */
function fill(rules: Rule[]): { made: ForwardingTable; standing: Rule[] } {
  const made = new ForwardingTable();
  const standing = new Map<string, Rule>();
  for (const one of rules) {
    try {
      made.add(one);
      standing.set(one.id, one);
    } catch (error) {
      if (!(error instanceof VnetError) || error.code !== 'VNET_ERR_EXISTS') throw error;
    }
  }
  return { made, standing: [...standing.values()] };
}

t.test('the table agrees with the slow oracle', async (t) => {
  const met = new Set<string>();
  fc.assert(
    fc.property(
      fc.array(arbRule, { maxLength: 30 }),
      fc.array(arbFrame, { minLength: 1, maxLength: 12 }),
      (rules, frames) => {
        const { made, standing } = fill(rules);
        for (const frame of frames) {
          const expected = slowMatch(standing, frame);
          const got = told(made, frame);
          for (const action of got.actions) met.add(action);
          if (JSON.stringify(got) !== JSON.stringify(expected))
            throw new Error(`${JSON.stringify(got)}, not ${JSON.stringify(expected)}`);
          const { fromEpoch, toEpoch } = made.match(frame);
          for (let epoch = 0; epoch < 6; epoch += 1) {
            if (epoch < fromEpoch || epoch >= toEpoch) continue;
            const there = slowMatch(standing, { ...frame, epoch });
            if (JSON.stringify(there) !== JSON.stringify(expected))
              throw new Error(`changes within its epochs at ${epoch}`);
          }
        }
      },
    ),
    { numRuns: 1500, seed: 20050627 },
  );
  for (const rare of ['ground', 'drop loop', 'drop rule', 'hold']) t.ok(met.has(rare), `${rare} is met`);
});

t.test('a change names every decision it touches', async (t) => {
  fc.assert(
    fc.property(
      fc.array(arbRule, { maxLength: 20 }),
      arbRule,
      fc.array(arbFrame, { maxLength: 20 }),
      (rules, late, frames) => {
        const { made } = fill(rules);
        const before = frames.map((frame) => JSON.stringify(told(made, frame)));
        let scopes: ReturnType<ForwardingTable['add']> = [];
        try {
          scopes = made.add(late);
        } catch {
          return;
        }
        frames.forEach((frame, i) => {
          if (JSON.stringify(told(made, frame)) === before[i]) return;
          const covered = scopes.some(
            (scope) =>
              scope.network === frame.network &&
              (scope.group === undefined || isGroup(frame.destination)) &&
              (scope.source === undefined || scope.source === macToNumber(frame.source)) &&
              (scope.destination === undefined || scope.destination === macToNumber(frame.destination)),
          );
          if (!covered) throw new Error('a decision changed outside the scopes');
        });
      },
    ),
    { numRuns: 300, seed: 7 },
  );
  t.pass();
});
