/**
 * A host without the overlay: the same drivers, in a process of its own in the host's namespace, whose VM's port is joined
 * to a kernel bridge. Told what to do by its parent.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ReceivingVm, RunningVm, VmDriver, VmEvents, VmSpec, VmTicket } from '../../core/index.js';
import { NetnsDriver, QemuDriver } from '../../vm/index.js';

type RunningQemu = Awaited<ReturnType<QemuDriver['start']>>;

export const PLAIN_HOST_PROGRAM = fileURLToPath(import.meta.url);
export const BRIDGE = 'br0';

export type Call =
  | { call: 'start' | 'receive' | 'console' | 'stop'; spec: VmSpec }
  | { call: 'send'; spec: VmSpec; ticket: VmTicket };

export type Said =
  | { event: 'paused' | 'running'; atMs: number }
  | { event: 'downtime'; ms: number }
  | { id: number; value?: unknown; error?: string };

function attend([folder = '', address = '']: string[]): void {
  const drivers: Record<string, VmDriver> = {
    netns: new NetnsDriver({ folder: `${folder}/wires` }),
    qemu: new QemuDriver({ directory: `${folder}/${address}`, address }),
  };
  const tell = (message: Said) => process.send?.(message);
  let running: RunningVm | undefined;
  let receiving: ReceivingVm | undefined;

  const join = ({ port }: VmSpec) => {
    const name = String(port).replace('packet:', '');
    execFileSync('ip', ['link', 'set', name, 'master', BRIDGE, 'up'], { stdio: 'pipe' });
  };
  const eventsOf = (spec: VmSpec): VmEvents => ({
    paused: () => void tell({ event: 'paused', atMs: Date.now() }),
    running: () => {
      tell({ event: 'running', atMs: Date.now() });
      // A light VM's wire came this moment; QEMU made its TAP long before.
      if (spec.machine.driver === 'netns') join(spec);
    },
    ended: () => {},
  });
  const perform = async (request: Call): Promise<unknown> => {
    const { spec } = request;
    const port = String(spec.port);
    const driver = drivers[spec.machine.driver] as VmDriver;
    switch (request.call) {
      case 'start':
        running = await driver.start(spec, port, eventsOf(spec));
        join(spec);
        return running.console;
      case 'receive':
        receiving = await driver.receive(spec, port, {}, eventsOf(spec));
        receiving.arrived.then(
          (vm) => {
            running = vm;
          },
          () => {},
        );
        if (spec.machine.driver === 'qemu') join(spec);
        return receiving.ticket;
      case 'send':
        if (running && 'instance' in running) tellDowntime(running as RunningQemu);
        return running?.send(request.ticket, {}, () => {}).done;
      case 'console':
        return (await receiving?.arrived)?.console;
      case 'stop':
        return running?.stop({ graceMs: 0 });
    }
  };
  /** QEMU says it once it has sent all; its driver ends it soon after. */
  const tellDowntime = ({ instance }: RunningQemu) => {
    instance.qmp.onEvent(({ event, data }) => {
      if (event !== 'MIGRATION' || data?.['status'] !== 'completed') return;
      instance.qmp.execute<{ downtime?: number }>('query-migrate').then(
        ({ downtime }) => downtime === undefined || tell({ event: 'downtime', ms: downtime }),
        () => {},
      );
    });
  };
  process.on('message', ({ id, request }: { id: number; request: Call }) => {
    perform(request).then(
      (value) => tell({ id, value }),
      (thrown: Error) => tell({ id, error: thrown.message }),
    );
  });
  process.on('disconnect', () => process.exit());
}

if (process.argv[1] === PLAIN_HOST_PROGRAM) attend(process.argv.slice(2));
