/** VMs that others move: the cases one by one, and against a slow oracle with two of them at large. */
import fc from 'fast-check';
import t from 'tap';
import { type MacAddress, ManualClock, type Vm } from '../core/index.js';
import {
  CONFLICT_FORGET_MS,
  Following,
  type FollowingWorld,
  type Heard,
  RETURN_MS,
  SILENCE_MS,
} from './following.js';
import type { HostPort } from './placing.js';

const MAC = '02:00:00:00:00:01' as MacAddress;
const at = (host: string): HostPort => ({ host, port: 'bridge:br0' });

/** Places that count frames; the VM may be active at several. */
class World implements FollowingWorld {
  readonly clock = new ManualClock();
  readonly following = new Following(this);
  readonly moves: string[] = [];
  readonly conflicts: string[] = [];
  vm: Vm = { name: 'web', network: 'lab', host: 'a', macs: [MAC] } as Vm;
  place = at('a');
  frames: Record<string, number | undefined | null> = { a: 0, b: 0, c: 0 };
  /** Moves wait for it. */
  moving: Promise<void> = Promise.resolve();

  find({ mac }: Heard) {
    return mac === MAC ? { vm: this.vm, place: this.place } : undefined;
  }

  async framesOf(_: Vm, { host }: HostPort) {
    return this.frames[host];
  }

  async move(_: Vm, to: HostPort) {
    this.moves.push(to.host);
    await this.moving;
    this.place = to;
  }

  conflict(vm: Vm, _: MacAddress, host: string, other: string) {
    this.conflicts.push(`${vm.name} ${host} ${other}`);
  }

  /** The VM sends a frame at a host. */
  async send(host: string, announced = false) {
    const count = this.frames[host];
    if (host === this.place.host) this.frames[host] = typeof count === 'number' ? count + 1 : count;
    else this.following.heard({ ...at(host), mac: MAC, announced });
    await settle();
  }

  async pass(ms: number) {
    this.clock.advance(ms);
    await settle();
  }
}

async function settle() {
  for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
}

t.test('an announcement is believed at once', async (t) => {
  const world = new World();
  await world.send('b', true);
  t.strictSame([world.moves, world.place], [['b'], at('b')]);
  t.notOk(
    world.following.heard({ ...at('b'), mac: '02:00:00:00:00:99' as MacAddress, announced: true }),
    'a stranger is none of ours',
  );
});

t.test(
  'an announcement in the middle of a check is believed at once, and the check is dropped',
  async (t) => {
    const world = new World();
    await world.send('b');
    await world.pass(SILENCE_MS / 2);
    await world.send('b', true);
    t.strictSame(world.moves, ['b']);
    await world.pass(SILENCE_MS);
    t.strictSame([world.moves, world.conflicts], [['b'], []]);
  },
);

t.test('other frames move it after a second of silence', async (t) => {
  const world = new World();
  await world.send('b');
  await world.pass(SILENCE_MS - 1);
  await world.send('b');
  t.strictSame(world.moves, []);
  await world.pass(1);
  t.strictSame(world.moves, ['b']);
});

t.test('active at both is a conflict, said once, until one is silent', async (t) => {
  const world = new World();
  const round = async (hosts: string[]) => {
    for (const host of hosts) await world.send(host);
    await world.pass(SILENCE_MS / 2);
    for (const host of hosts) await world.send(host);
    await world.pass(SILENCE_MS / 2);
  };
  for (let i = 0; i < 30; i += 1) await round(['b', 'a']);
  t.strictSame([world.moves, world.conflicts], [[], ['web a b']]);
  await round(['a']);
  await world.pass(CONFLICT_FORGET_MS);
  await round(['b', 'a']);
  t.equal(world.conflicts.length, 2, 'a new one is said again');
  await round(['b']);
  await round(['b']);
  t.strictSame(world.moves, ['b'], 'the old place is silent');
});

t.test('two that announce themselves do not take turns', async (t) => {
  const world = new World();
  await world.send('b', true);
  for (let ms = 0; ms < RETURN_MS; ms += SILENCE_MS) {
    await world.send('a', true);
    await world.send('b', true);
    await world.pass(SILENCE_MS);
  }
  t.strictSame([world.moves, world.conflicts], [['b'], ['web b a']]);
  const back = new World();
  await back.send('b', true);
  await back.send('a', true);
  await back.pass(SILENCE_MS);
  t.strictSame(back.moves, ['b', 'a'], 'it was moved back: the other place is silent');
});

t.test('what is run by a driver, or pinned, is not moved by hearsay', async (t) => {
  for (const more of [{ machine: { driver: 'netns', namespace: 'x' } as const }, { pinned: true }]) {
    const world = new World();
    world.vm = { ...world.vm, ...more };
    for (let i = 0; i < 3; i += 1) {
      await world.send('b', true);
      await world.pass(SILENCE_MS);
    }
    t.strictSame([world.moves, world.conflicts], [[], ['web a b']]);
  }
});

t.test('a host that is away does not keep a VM; a port that cannot tell does', async (t) => {
  const away = new World();
  away.frames['a'] = null;
  await away.send('b');
  await away.pass(SILENCE_MS);
  t.strictSame(away.moves, ['b']);
  const shared = new World();
  shared.frames['a'] = undefined;
  await shared.send('b');
  await shared.pass(SILENCE_MS);
  t.strictSame([shared.moves, shared.conflicts], [[], []]);
  await shared.send('b', true);
  t.strictSame(shared.moves, ['b'], 'an announcement is believed');
});

t.test('one move at a time, and nothing after the end', async (t) => {
  const world = new World();
  let done = () => {};
  world.moving = new Promise((resolve) => {
    done = resolve;
  });
  for (let i = 0; i < 5; i += 1) await world.send('b', true);
  t.strictSame(world.moves, ['b']);
  done();
  await settle();
  await world.send('c');
  world.following.close();
  await world.pass(SILENCE_MS);
  t.strictSame(world.moves, ['b']);
});

t.test('a VM at one place at a time is always found, and is never in conflict', async (t) => {
  const step = fc.record({
    to: fc.constantFrom('a', 'b', 'c'),
    announces: fc.boolean(),
    stays: fc.integer({ min: 1, max: 12 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const world = new World();
      for (const { to, announces, stays } of steps) {
        if (announces && to !== world.place.host) await world.send(to, true);
        // It sends four times a second; three seconds suffice wherever it has come from.
        for (let i = 0; i < (stays + 3) * 4; i += 1) {
          await world.send(to);
          await world.pass(250);
        }
        if (world.place.host !== to) return false;
      }
      return world.conflicts.length === 0;
    }),
    { numRuns: 60 },
  );
  t.pass();
});
