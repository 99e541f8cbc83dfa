/** End to end in memory: VMs that move while frames flow to them; nothing is lost, nothing comes twice. */
import t, { type Test } from 'tap';
import type { MacAddress, RunningVm, VmDriver, VmEvents, VmSpec, VmTicket } from '../../core/index.js';
import { frame, OverlayBed, payloadOf, until } from './bed.js';

const MAC = (n: number) => `02:00:00:00:00:0${n}` as MacAddress;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const COPYING_MS = 40;
const DOWNTIME_MS = 30;
/** Of the test: daemons announce addresses with frames of their own. */
const WORDS = /^(db|log) \d/;

/** Guests in memory: where each executes, and what it has taken in, in order. */
class Guests {
  readonly at = new Map<string, string>();
  readonly got: string[] = [];
  /** Frames that a port gave out while nobody executed behind it. */
  readonly unread: string[] = [];
  readonly incoming = new Map<string, { arrive(): void; fail(thrown: Error): void }>();

  constructor(readonly bed: OverlayBed) {}

  /** Takes in what has come; whatever came to a place where it does not execute is lost to it. */
  read(vm: string): void {
    for (const host of this.bed.nodes.keys()) {
      const here = this.bed
        .port(host, vm)
        .received.splice(0)
        .map(payloadOf)
        .filter((text) => WORDS.test(text));
      (this.at.get(vm) === host ? this.got : this.unread).push(...here);
    }
  }

  execute(vm: string, host: string | undefined): void {
    this.read(vm);
    if (host === undefined) this.at.delete(vm);
    else this.at.set(vm, host);
  }
}

class MemoryDriver implements VmDriver {
  readonly kind = 'exec';
  constructor(
    readonly host: string,
    readonly guests: Guests,
  ) {}

  available = async () => true as const;
  check = async () => [];
  portOf = ({ name }: VmSpec) => `memory:${name}`;
  adopt = async () => undefined;

  async start({ name }: VmSpec, _port: string, events: VmEvents): Promise<RunningVm> {
    this.guests.execute(name, this.host);
    return this.#running(name, events);
  }

  async receive({ name }: VmSpec, _port: string, _options: object, events: VmEvents) {
    const { incoming } = this.guests;
    const arrived = new Promise<RunningVm>((resolve, reject) => {
      incoming.set(name, {
        arrive: () => {
          this.guests.execute(name, this.host);
          events.running();
          resolve(this.#running(name, events));
        },
        fail: reject,
      });
    });
    arrived.catch(() => {});
    const discard = async () => {
      incoming.get(name)?.fail(new Error('thrown away'));
      incoming.delete(name);
    };
    return { ticket: { driver: 'exec' } as VmTicket, arrived, discard };
  }

  #running(name: string, events: VmEvents): RunningVm {
    const { guests, host } = this;
    let cancelled = false;
    return {
      state: async () => (guests.at.get(name) === host ? 'running' : 'paused'),
      stop: async () => guests.execute(name, undefined),
      release: () => {},
      send: () => {
        const transfer = async () => {
          await sleep(COPYING_MS);
          if (cancelled) throw new Error('cancelled');
          guests.execute(name, undefined);
          events.paused();
          await sleep(DOWNTIME_MS);
          if (cancelled) {
            guests.execute(name, host);
            events.running();
            throw new Error('cancelled');
          }
          guests.incoming.get(name)?.arrive();
          guests.incoming.delete(name);
        };
        return {
          done: transfer(),
          cancel: async () => {
            cancelled = true;
          },
        };
      },
    };
  }
}

async function makeBed(t: Test, shapes: 'star' | 'line') {
  const bed = new OverlayBed();
  t.teardown(() => bed.close());
  const guests = new Guests(bed);
  bed.driversOf = (host) => [new MemoryDriver(host, guests)];
  const { client } = await bed.startProxy('home');
  for (const host of ['a', 'b', 'c']) await bed.startHost(host);
  await until('all hosts', async () => {
    const { hosts } = await client.overview();
    return hosts.filter(({ phase }) => phase === 'ready').length === 4;
  });
  const vms = [
    {
      name: 'web',
      network: 'lab',
      host: 'a',
      macs: [MAC(1)],
      machine: { driver: 'exec' as const, command: 'none' },
    },
    { name: 'db', network: 'lab', host: 'c', macs: [MAC(2)], port: 'memory:db' },
    { name: 'log', network: 'lab', host: 'a', macs: [MAC(3)], port: 'memory:log' },
  ];
  const line = [{ kind: 'line' as const, type: 'udp' as const, network: 'lab', hosts: ['c', 'a', 'b'] }];
  await client.apply({
    kind: 'target',
    topology: bed.topology({ vms, shapes: shapes === 'line' ? line : [] }),
  });
  const edges = shapes === 'line' ? 5 : 3;
  await until('the links', async () => {
    const views = await Promise.all(['home', 'a', 'b', 'c'].map((host) => client.hostView(host)));
    return views.flatMap(({ links }) => links.filter(({ up }) => up)).length === 2 * edges;
  });
  await client.startVm('web');
  let sent = 0;
  const send = (mac: MacAddress, host: string, port: string) =>
    bed.port(host, port).send(frame(MAC(1), mac, `${port} ${sent++}`));
  const talk = () => {
    send(MAC(2), 'c', 'db');
    send(MAC(3), 'a', 'log');
  };
  talk();
  await until('first words', () => {
    guests.read('web');
    return guests.got.length === 2;
  });
  const timer = setInterval(talk, 1);
  t.teardown(() => clearInterval(timer));
  const settled = async () => {
    clearInterval(timer);
    await until('the last frame', () => {
      guests.read('web');
      return guests.got.length >= sent;
    }).catch(() => {});
    return { sent, got: guests.got, unread: guests.unread };
  };
  return { bed, client, guests, settled };
}

for (const shapes of ['star', 'line'] as const) {
  t.test(`${shapes}: frames flow through moves there and back`, async (t) => {
    const { client, guests, settled } = await makeBed(t, shapes);
    for (const host of ['b', 'home', 'a']) {
      await sleep(20);
      const [result] = await client.moveVms({ moves: [{ vm: 'web', host }] });
      t.match(result, { outcome: 'moved', to: host, switchMs: Number }, JSON.stringify(result));
      t.equal(guests.at.get('web'), host);
      t.comment(`to ${host}: stopped ${result?.downtimeMs} ms, paths followed in ${result?.switchMs} ms`);
    }
    const { sent, got, unread } = await settled();
    t.same(unread, [], 'nothing is given to a place where it does not execute');
    t.equal(new Set(got).size, got.length, 'nothing comes twice');
    t.equal(got.length, sent, 'nothing is lost');
  });
}

t.test('a move that is cancelled while the VM is stopped', async (t) => {
  const { client, guests, settled } = await makeBed(t, 'star');
  const moved = client.moveVms({ moves: [{ vm: 'web', host: 'b' }] });
  await until('the stop', async () => (await client.vms()).some(({ move }) => move?.phase === 'switching'));
  await client.cancelMove('web');
  t.match(await moved, [{ outcome: 'stayed' }]);
  t.equal(guests.at.get('web'), 'a');
  const { sent, got, unread } = await settled();
  t.same(unread, []);
  t.equal(new Set(got).size, got.length);
  t.equal(got.length, sent, 'nothing is lost');
});
