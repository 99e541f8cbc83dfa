/** A host of the tests: a driver in a process of its own, in the host's namespace, told what to do by its parent. */
import { execFileSync } from 'node:child_process';
import {
  type MoveOptions,
  type OutgoingVm,
  type ReceivingVm,
  type RunningVm,
  VnetError,
  type VmEvents,
  type VmSpec,
  type VmTicket,
} from '../../../core/index.js';
import { NetnsDriver } from '../driver.js';

export type Call =
  | { call: 'start' | 'adopt' | 'check'; spec: VmSpec }
  | { call: 'receive'; spec: VmSpec; options?: MoveOptions }
  | { call: 'send'; spec: VmSpec; ticket: VmTicket; cancel?: boolean }
  | { call: 'stop' | 'state' | 'discard' | 'arrived'; spec: VmSpec };

const [folder = '', bridge = ''] = process.argv.slice(2);
const driver = new NetnsDriver({ folder });
const running = new Map<string, RunningVm>();
const receiving = new Map<string, ReceivingVm>();

const tell = (message: object) => process.send?.(message);

function eventsOf(spec: VmSpec): VmEvents {
  const event = (kind: string, reason?: string) => tell({ event: kind, vm: spec.name, reason });
  return {
    paused: () => void event('paused'),
    running: () => {
      join(spec);
      event('running');
    },
    ended: (reason, expected) => {
      running.delete(spec.name);
      event('ended', `${reason}, expected: ${expected}`);
    },
  };
}

/** What the daemon does by opening its port: frames get through. */
function join(spec: VmSpec): void {
  if (bridge === '') return;
  const name = driver.portOf(spec).replace('packet:', '');
  execFileSync('ip', ['link', 'set', name, 'master', bridge], { stdio: 'pipe' });
}

/** One handle a VM: another would go on looking for it. */
function keep(spec: VmSpec, vm: RunningVm): void {
  running.get(spec.name)?.release();
  running.set(spec.name, vm);
}

async function perform(request: Call): Promise<unknown> {
  const { spec } = request;
  const port = driver.portOf(spec);
  const vm = () => running.get(spec.name) as RunningVm;
  switch (request.call) {
    case 'check':
      return driver.check(spec);
    case 'start':
      keep(spec, await driver.start(spec, port, eventsOf(spec)));
      return join(spec);
    case 'adopt': {
      const adopted = await driver.adopt(spec, port, eventsOf(spec));
      if (adopted !== undefined) keep(spec, adopted);
      return adopted !== undefined;
    }
    case 'stop':
      return vm().stop({ graceMs: 0 });
    case 'state':
      return vm().state();
    case 'receive': {
      const arrival = await driver.receive(spec, port, request.options ?? {}, eventsOf(spec));
      receiving.set(spec.name, arrival);
      arrival.arrived.then(
        (arrived) => keep(spec, arrived),
        () => {},
      );
      return arrival.ticket;
    }
    case 'arrived':
      await receiving.get(spec.name)?.arrived;
      return undefined;
    case 'discard':
      return receiving.get(spec.name)?.discard();
    case 'send': {
      const outgoing: OutgoingVm = vm().send(request.ticket, {}, () => {});
      if (request.cancel) void outgoing.cancel();
      return outgoing.done;
    }
  }
}

process.on('message', (message: { id: number; request: Call }) => {
  perform(message.request).then(
    (value) => tell({ id: message.id, value }),
    (thrown: unknown) => tell({ id: message.id, error: VnetError.from(thrown).toBody() }),
  );
});
process.on('disconnect', () => process.exit());
tell({ event: 'ready' });
