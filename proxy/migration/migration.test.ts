import fc from 'fast-check';
import t from 'tap';
import { type HostRoom, type Resident, usedMemory } from './capacity.js';
import { movesBorne } from './borne.js';
import { planDrain } from './drain.js';
import { advance, beginMove, isStuck, mayRun, type MoveEvent, type MoveState, type Side } from './move.js';
import { orderMoves } from './order.js';
import { Slots } from './slots.js';

/** What really is at the two hosts, and everything that is under way between them and the Proxy. */
class Truth {
  state: MoveState;
  at: Record<Side, 'none' | 'receiving' | 'running' | 'paused' | 'gone'> = { from: 'running', to: 'none' };
  /** The source carries the move out. */
  sending = false;
  cancelled = false;
  connected: Record<Side, boolean> = { from: true, to: true };
  /** Calls of the Proxy that are not answered yet. */
  calls: string[] = [];
  /** What hosts said, in order, and the Proxy has not heard. */
  said: { side: Side; fact: 'receiving' | 'running' | 'paused' | 'gone'; ours: boolean; reason?: string }[] =
    [];
  place: Side = 'from';
  doubles = 0;
  /** Somebody told a second host to execute it while the first might. */
  outcome: MoveState['outcome'];

  constructor() {
    const { state, effects } = beginMove();
    this.state = state;
    this.calls.push(...effects.map((effect) => effect.do));
  }

  take(event: MoveEvent): void {
    const { state, effects } = advance(this.state, event);
    this.state = state;
    for (const effect of effects) {
      if (effect.do === 'over') this.outcome = state.outcome;
      else if (effect.do === 'place') this.calls.push(`place ${effect.at}`);
      else if (effect.do !== 'close') this.calls.push(effect.do);
    }
    const told = mayRun(state);
    for (const side of ['from', 'to'] as const)
      if (this.at[side] === 'running' && !told.includes(side) && !this.said.some((x) => x.side === side))
        this.doubles++;
  }

  say(side: Side, reason?: string): void {
    const fact = this.at[side] === 'none' ? 'gone' : this.at[side];
    if (!this.connected[side]) return;
    this.said.push({
      side,
      fact,
      ours: this.sending || side === 'to',
      ...(reason === undefined ? {} : { reason }),
    });
  }

  hear(): void {
    const news = this.said.shift();
    if (news) this.take({ kind: 'report', ...news });
  }

  /** A call arrives, is carried out, and its answer comes back. */
  answer(): void {
    const call = this.calls.shift();
    if (call === undefined) return;
    if (call.startsWith('place')) {
      this.place = call.slice(6) as Side;
      return this.take({ kind: 'placed', at: this.place });
    }
    if (call === 'open') return this.take({ kind: 'opened' });
    const side = sideOf(call);
    if (!this.connected[side]) return this.#unreachable(call);
    // A channel keeps its order: what the host said before comes before.
    const before = this.said.filter((news) => news.side === side);
    this.said = this.said.filter((news) => news.side !== side);
    const answer = this.#carryOut(call);
    for (const news of before) this.take({ kind: 'report', ...news });
    if (answer) this.take(answer);
  }

  #carryOut(call: string): MoveEvent | undefined {
    if (call === 'receive') {
      this.at.to = 'receiving';
      return { kind: 'received' };
    }
    if (call === 'send') {
      if (this.at.from !== 'running')
        return { kind: 'refused', step: 'send', reason: 'not here', lost: false };
      this.sending = true;
      return { kind: 'sent' };
    }
    if (call === 'cancel') {
      this.cancelled = true;
      return undefined;
    }
    if (this.at.to === 'running') return { kind: 'not-discarded', executes: true };
    this.at.to = 'none';
    return { kind: 'discarded' };
  }

  /** The host does what it was asked, and its answer is lost with the channel. */
  lose(side: Side): void {
    const index = this.calls.findIndex((call) => isOfHost(call) && sideOf(call) === side);
    const [call] = index < 0 || !this.connected[side] ? [] : this.calls.splice(index, 1);
    if (call === undefined) return;
    this.#carryOut(call);
    this.connected[side] = false;
    this.said = this.said.filter((news) => news.side !== side);
    this.#unreachable(call);
    this.#cut(side);
  }

  #unreachable(call: string): void {
    if (call === 'receive' || call === 'send')
      this.take({ kind: 'refused', step: call, reason: 'away', lost: true });
    else if (call === 'discard') this.take({ kind: 'not-discarded', executes: false });
  }

  /** The hosts get on by themselves. */
  work(): void {
    const { at } = this;
    if (at.from === 'gone' && at.to === 'receiving') {
      at.to = 'gone';
      this.say('to', 'the source is gone');
    }
    if (!this.sending) return;
    const fails = this.cancelled || (at.to !== 'receiving' && at.to !== 'running');
    if (at.to !== 'running' && fails && (at.from === 'running' || at.from === 'paused')) {
      at.from = 'running';
      this.say('from', 'given up');
      this.sending = false;
    } else if (at.from === 'running') {
      at.from = 'paused';
      this.say('from');
    } else if (at.from === 'paused' && at.to === 'receiving') {
      at.to = 'running';
      this.say('to');
    } else if (at.from === 'paused' && at.to === 'running') {
      at.from = 'gone';
      this.say('from');
      this.sending = false;
    }
    if (at.from === 'running' && at.to === 'running') this.doubles++;
  }

  disconnect(side: Side): void {
    if (!this.connected[side]) return;
    this.connected[side] = false;
    this.said = this.said.filter((news) => news.side !== side);
    this.#cut(side);
  }

  /** Calls that had not arrived never will. */
  #cut(side: Side): void {
    const lost = this.calls.filter((call) => isOfHost(call) && sideOf(call) === side);
    this.calls = this.calls.filter((call) => !lost.includes(call));
    this.take({ kind: 'lost', side });
    for (const call of lost) this.#unreachable(call);
  }

  connect(side: Side): void {
    if (this.connected[side]) return;
    this.connected[side] = true;
    this.say(side);
  }

  die(side: Side): void {
    if (this.at[side] !== 'none') this.at[side] = 'gone';
    if (side === 'from') this.sending = false;
    this.disconnect(side);
  }

  /** What was under way is lost, both channels too. */
  restart(): void {
    this.calls = [];
    this.said = [];
    this.connected = { from: false, to: false };
    this.state = JSON.parse(JSON.stringify(this.state));
    if (this.outcome === undefined) this.take({ kind: 'restored', place: this.place });
  }
}

function isOfHost(call: string): boolean {
  return call !== 'open' && !call.startsWith('place');
}

function sideOf(call: string): Side {
  return call === 'receive' || call === 'discard' ? 'to' : 'from';
}

type Act = (truth: Truth) => void;
const acts: Record<string, Act> = {
  answer: (truth) => truth.answer(),
  hear: (truth) => truth.hear(),
  work: (truth) => truth.work(),
  cancel: (truth) => truth.take({ kind: 'cancel', reason: 'cancelled' }),
  late: (truth) => isStuck(truth.state) && truth.take({ kind: 'late' }),
  cutFrom: (truth) => truth.disconnect('from'),
  cutTo: (truth) => truth.disconnect('to'),
  backFrom: (truth) => truth.connect('from'),
  backTo: (truth) => truth.connect('to'),
  dieFrom: (truth) => truth.die('from'),
  dieTo: (truth) => truth.die('to'),
  restart: (truth) => truth.restart(),
  loseFrom: (truth) => truth.lose('from'),
  loseTo: (truth) => truth.lose('to'),
};
const usual = ['answer', 'answer', 'answer', 'hear', 'hear', 'hear', 'work', 'work', 'work'];
const script = fc.array(fc.constantFrom(...usual, ...Object.keys(acts)), { maxLength: 60 });

/** Everybody comes back, and what is under way arrives. */
function calmDown(truth: Truth): void {
  for (let i = 0; i < 60; i++) {
    truth.connect('from');
    truth.connect('to');
    truth.answer();
    truth.hear();
    truth.work();
  }
  while (truth.calls.length + truth.said.length > 0) {
    truth.answer();
    truth.hear();
  }
}

t.test('a move, whatever happens: one place at most, and the place is where it is', async (t) => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(script, (names) => {
      const truth = new Truth();
      for (const name of names) acts[name]?.(truth);
      calmDown(truth);
      const text = JSON.stringify({ state: truth.state, at: truth.at, place: truth.place });
      if (truth.doubles > 0) throw new Error(`executed where it should not be: ${text}`);
      if (truth.outcome === undefined) throw new Error(`never over: ${text}`);
      seen.add(truth.outcome);
      const runs = (['from', 'to'] as const).filter((side) => truth.at[side] === 'running');
      if (runs.length > 1) throw new Error(`twice: ${text}`);
      if (truth.outcome === 'unknown') throw new Error(`two hosts said so: ${text}`);
      if (runs[0] !== undefined && runs[0] !== truth.place)
        throw new Error(`the place is elsewhere: ${text}`);
      if (runs[0] === 'to' && truth.outcome !== 'moved') throw new Error(`it moved: ${text}`);
      if (runs[0] === 'from' && truth.outcome !== 'stayed') throw new Error(`it stayed: ${text}`);
    }),
    { numRuns: 5000 },
  );
  t.same([...seen].sort(), ['moved', 'stayed']);
});

t.test('an undisturbed move takes its steps in order', async (t) => {
  const truth = new Truth();
  const stages: string[] = [];
  for (let i = 0; i < 12; i++) {
    for (const act of ['answer', 'hear', 'work']) acts[act]?.(truth);
    const { stage, from, to, place } = truth.state;
    const text = `${stage} ${from} ${to} ${place}`;
    if (stages.at(-1) !== text) stages.push(text);
  }
  t.matchOnly(stages.at(-1), 'over gone running to');
  t.ok(
    stages.includes('follow paused running to'),
    `the place moves while it is stopped: ${stages.join(', ')}`,
  );
});

t.test('ended at its source by itself, the destination none the wiser: cancelling gives it up', async (t) => {
  const crash = (crashed: boolean) => {
    const truth = new Truth();
    for (let i = 0; i < 3; i++) truth.answer();
    truth.take({ kind: 'report', side: 'from', fact: 'gone', ours: true, ...(crashed ? { crashed } : {}) });
    t.same(truth.calls, [], 'what the destination has may be whole');
    truth.take({ kind: 'cancel', reason: 'it took longer than 5 s' });
    return truth;
  };
  const crashed = crash(true);
  t.same(crashed.calls, ['discard']);
  crashed.answer();
  t.equal(crashed.outcome, 'stayed');
  t.match(crashed.state.reason, 'took longer than 5 s; it had ended at its source');
  t.same(mayRun(crashed.state), []);

  const late = crash(true);
  late.at.to = 'running';
  late.answer();
  late.answer();
  t.equal(late.outcome, 'moved', 'it had gone on there meanwhile');

  t.same(crash(false).calls, [], 'handed over: the only copy is there');
});

const names = ['a', 'b', 'c', 'd'];
const room = (host: string, memoryBytes: number): HostRoom => ({ host, memoryBytes, cpus: 8 });
const vm = (name: string, host: string, memoryBytes: number): Resident => ({
  vm: name,
  host,
  memoryBytes,
  cpus: 1,
});

const crowd = fc
  .record({
    vms: fc.array(fc.record({ host: fc.constantFrom(...names), size: fc.integer({ min: 1, max: 6 }) }), {
      minLength: 1,
      maxLength: 9,
    }),
    spare: fc.tuple(...names.map(() => fc.nat(5))),
    to: fc.array(fc.constantFrom(...names), { minLength: 9, maxLength: 9 }),
  })
  .map(({ vms, spare, to }) => {
    const residents = vms.map(({ host, size }, i) => vm(`v${i}`, host, size));
    const rooms = names.map((host, i) => room(host, usedMemory(host, residents) + (spare[i] ?? 0)));
    const moves = residents.flatMap(({ vm: name, host }, i) =>
      to[i] === host ? [] : [{ vm: name, to: to[i] as string }],
    );
    return { residents, rooms, moves };
  });

t.test('no host is over its memory, in whatever order steps that may run together do', async (t) => {
  let [interim, refused] = [0, 0];
  fc.assert(
    fc.property(crowd, fc.infiniteStream(fc.nat()), ({ residents, rooms, moves }, chance) => {
      const { steps, refused: left } = orderMoves(rooms, residents, moves);
      interim += steps.filter((step) => step.interim).length;
      refused += left.length;
      const now = residents.map((resident) => ({ ...resident }));
      const receiving: Resident[] = [];
      const state = steps.map((): 'waits' | 'runs' | 'done' => 'waits');
      const ready = () =>
        steps.flatMap((step, i) => {
          if (state[i] === 'runs') return [i];
          return state[i] === 'waits' && step.after.every((j) => state[j] === 'done') ? [i] : [];
        });
      for (let able = ready(); able.length > 0; able = ready()) {
        const i = able[(chance.next().value as number) % able.length] as number;
        const step = steps[i];
        const resident = now.find((other) => other.vm === step?.vm);
        if (!step || !resident) throw new Error('a step without a VM');
        if (state[i] === 'waits') {
          if (resident.host !== step.from) throw new Error(`${step.vm} is not on ${step.from}`);
          receiving.push({ ...resident, host: step.to });
          state[i] = 'runs';
        } else {
          receiving.splice(
            receiving.findIndex((other) => other.vm === step.vm),
            1,
          );
          resident.host = step.to;
          state[i] = 'done';
        }
        for (const { host, memoryBytes } of rooms)
          if (usedMemory(host, [...now, ...receiving]) > memoryBytes) throw new Error(`${host} is over`);
      }
      if (state.some((is) => is !== 'done')) throw new Error('steps wait for each other');
      for (const { vm: name, to } of moves) {
        const isRefused = left.some((other) => other.vm === name);
        const isThere = now.find((other) => other.vm === name)?.host === to;
        if (isRefused === isThere) throw new Error(`${name} is neither moved nor refused`);
      }
    }),
    { numRuns: 1000 },
  );
  t.ok(interim > 0 && refused > 0, 'both are met');
});

t.test('a circle is broken through a third host, or refused with the reason', async (t) => {
  const residents = [vm('x', 'a', 4), vm('y', 'b', 3)];
  const moves = [
    { vm: 'x', to: 'b' },
    { vm: 'y', to: 'a' },
  ];
  const tight = orderMoves([room('a', 4), room('b', 4)], residents, moves);
  t.same(tight.steps, []);
  t.match(tight.refused, [{ vm: 'x', reason: /what would leave it waits for room itself/ }, { vm: 'y' }]);
  const { steps } = orderMoves([room('a', 4), room('b', 4), room('c', 3)], residents, moves);
  t.same(
    steps.map(({ vm: name, from, to, after }) => `${name} ${from}>${to} after ${after.join()}`),
    ['y b>c after ', 'x a>b after 0', 'y c>a after 0,1'],
  );
  const [full] = orderMoves([room('a', 4), room('b', 4)], residents, [{ vm: 'x', to: 'b' }]).refused;
  t.match(full?.reason, /b has 1 MiB free|b has 0 MiB free/);
});

t.test('a drained host is emptied by best fit, and never over', async (t) => {
  fc.assert(
    fc.property(crowd, ({ residents, rooms }) => {
      const leaving = residents.filter(({ host }) => host === 'a').map((resident) => resident.vm);
      const { moves, stay } = planDrain('a', rooms, residents, leaving);
      const after = residents.map((resident) => {
        const move = moves.find((other) => other.vm === resident.vm);
        return move ? { ...resident, host: move.to } : resident;
      });
      for (const { host, memoryBytes } of rooms)
        if (usedMemory(host, after) > memoryBytes) throw new Error(`${host} is over`);
      if (moves.length + stay.length !== leaving.length) throw new Error('a VM is forgotten');
    }),
    { numRuns: 300 },
  );
  const rooms = [room('a', 9), room('b', 9), room('c', 4)];
  const plan = planDrain('a', rooms, [vm('x', 'a', 4), vm('y', 'a', 5), vm('z', 'a', 6)], ['x', 'y', 'z']);
  t.same(plan.moves, [
    { vm: 'z', to: 'b' },
    { vm: 'x', to: 'c' },
  ]);
  t.match(plan.stay, [{ vm: 'y', reason: /no other host/ }]);
});

t.test('as many moves at a host as its part of the network bears', async (t) => {
  const room = (value: number, more = {}) => ({
    availableBitsPerSecond: { value, ageMs: 0, method: 'probe' as const, confidence: 0.9, ...more },
  });
  const at = (...paths: ({ from: string; to: string } & object)[]) => movesBorne({ paths }, 'a');
  t.equal(at(), 2, 'nothing is known');
  t.equal(at({ from: 'a', to: 'b', ...room(20e6) }), 1);
  t.equal(
    at({ from: 'a', to: 'b', ...room(20e6) }, { from: 'c', to: 'a', ...room(800e6) }),
    3,
    'its own link',
  );
  t.equal(at({ from: 'b', to: 'c', ...room(20e6) }), 2, 'not its own');
  t.equal(at({ from: 'a', to: 'b', ...room(100e9) }), 8);
  t.equal(at({ from: 'a', to: 'b', ...room(20e6, { atLeast: true }) }), 2, 'no less than that');
  t.equal(at({ from: 'a', to: 'b', ...room(20e6, { confidence: 0.1 }) }), 2);
  for (const nonsense of [Number.NaN, -1]) t.equal(at({ from: 'a', to: 'b', ...room(nonsense) }), 2);

  let borne = 1;
  const slots = new Slots(64, () => borne);
  const release = await slots.take(['a', 'b']);
  let second: (() => void) | undefined;
  void slots.take(['a', 'c']).then((done) => (second = done));
  await Promise.resolve();
  t.equal(second, undefined);
  borne = 2;
  const third = slots.take(['d', 'e']).then((done) => done());
  await third;
  t.ok(second, 'looked at again when another is done');
  release();
});
