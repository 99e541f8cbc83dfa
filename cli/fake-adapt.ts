/** For the tests: what adaptation might plan, own and have done in the overlay in fake-overlay. */
import {
  type AdaptPlan,
  type AdaptReason,
  type AdaptRecord,
  type AdaptView,
  DEFAULT_ADAPT,
  type Evidence,
  type FlowPrediction,
  type PlannedAction,
} from '../core/index.js';

const AT = '2026-01-02T03:04:05.678Z';

export const fakeEvidence = (text: string, part: Partial<Evidence> = {}): Evidence => ({
  text,
  ageMs: 400,
  confidence: 0.9,
  ...part,
});

const flow = (
  from: string,
  to: string,
  measured: number,
  fairNow: number,
  fairThen: number,
  pathNow: string[],
  pathThen: string[],
): FlowPrediction => ({ from, to, measured, fairNow, fairThen, pathNow, pathThen });

const route = (from: string, to: string, via: string[]): PlannedAction => ({
  action: { kind: 'route', sign: '+', route: { network: 'lab', from, to, both: true, via } },
  why: 'the direct way is wider than the star',
  evidence: [fakeEvidence('home to c has 3.10 Mbit/s free')],
});

/** Two VMs that talk over a narrow way come together, the others get a link and routes. */
export function fakePlan(part: Partial<AdaptPlan> = {}): AdaptPlan {
  return {
    id: 'p12',
    at: AT,
    network: 'lab',
    revision: 7,
    objective: 'residual',
    solver: 'local-search',
    actions: [
      {
        action: { kind: 'move', vm: 'web', from: 'a', to: 'b' },
        why: 'web and db exchange 12.3 Mbit/s over a way that has 3.10 Mbit/s',
        evidence: [
          fakeEvidence('web sends db 12.3 Mbit/s'),
          fakeEvidence('a to b has 3.10 Mbit/s free', { ageMs: 42_000, confidence: 0.3 }),
          fakeEvidence('web writes 1.2M a second to its memory'),
        ],
      },
      {
        action: { kind: 'link', sign: '+', link: { type: 'udp', a: 'b', b: 'c' } },
        why: 'three flows take it',
        evidence: [],
      },
      route('web', 'cache', ['b', 'c']),
      route('db', 'cache', ['b', 'c']),
    ],
    valueNow: -4_000_000,
    valueThen: 38_000_000,
    bound: 40_000_000,
    cost: 300_000,
    gain: 0.85,
    flows: [
      flow('web', 'cache', 2e6, 2e6, 9e6, ['a', 'home', 'c'], ['b', 'c']),
      flow('web', 'db', 12.3e6, 3.1e6, 1e10, ['a', 'b'], ['b']),
      flow('db', 'web', 1e6, 0, 1e10, [], ['b']),
      flow('db', 'cache', 5e5, 5e5, 5e5, ['b', 'home', 'c'], ['b', 'home', 'c']),
    ],
    worthIt: true,
    verdict: "worth it: the flows' rates grow by 85%, and the threshold is 10%",
    solveMs: 132,
    notes: ['the load of c is 40 s old'],
    ...part,
  };
}

export const nothingBetter = (part: Partial<AdaptPlan> = {}): AdaptPlan =>
  fakePlan({
    actions: [],
    valueNow: 38_000_000,
    gain: 0,
    cost: 0,
    worthIt: false,
    verdict: 'nothing better was found',
    notes: [],
    flows: [],
    ...part,
  });

export function fakeRecord(part: Partial<AdaptRecord> = {}): AdaptRecord {
  return {
    id: 'r7',
    at: AT,
    network: 'lab',
    by: 'auto',
    outcome: 'kept',
    reason: "worth it: the flows' rates grow by 85%, and the threshold is 10%",
    actions: fakePlan().actions.map(({ action }) => action),
    predictedGain: 0.85,
    measuredGain: 0.79,
    tookMs: 3200,
    ...part,
  };
}

/** In auto, with a link and two routes of its own. */
export function fakeAdaptView(part: Partial<AdaptView> = {}): AdaptView {
  return {
    settings: { ...DEFAULT_ADAPT, mode: 'auto' },
    state: 'nothing better by 10%',
    adapted: {
      links: [{ type: 'udp', a: 'b', b: 'c' }],
      routes: [
        { network: 'lab', from: 'web', to: 'cache', both: true, via: ['b', 'c'] },
        { network: 'lab', from: 'db', to: 'cache', both: true, via: ['b', 'c'] },
      ],
      linkReservations: [{ type: 'udp', from: 'b', to: 'c', bitsPerSecond: 20_000_000 }],
      cpuReservations: [],
    },
    plans: [nothingBetter({ id: 'p13' })],
    history: [fakeRecord(), fakeRecord({ id: 'r6', outcome: 'taken-back', measuredGain: -0.12 })],
    ...part,
  };
}

export const fakeReason = (part: Partial<AdaptReason> = {}): AdaptReason => ({
  subject: 'web',
  owner: 'adapt',
  text: 'web runs on b since 2026-01-02T03:04:05.678Z: it and db exchanged 12.3 Mbit/s over a way that had 3.10 Mbit/s',
  record: fakeRecord(),
  evidence: [fakeEvidence('web sends db 12.3 Mbit/s')],
  ...part,
});
