/** A VM that a user's command runs on this host. */
import {
  MOVE_TIMEOUT_MS,
  type MoveOptions,
  type MoveTransfer,
  type OutgoingVm,
  type RunningVm,
  type VmEvents,
  type VmSpec,
  type VmTicket,
  VnetError,
} from '../../core/index.js';
import { type CommandRun, runCommand } from './command.js';
import { ASK_TIMEOUT_MS, STATUS_POLL_MS, STOP_TIMEOUT_MS, UNDO_TIMEOUT_MS } from './limits.js';
import { type Line, NO_TRANSFER, type State } from './protocol.js';

export interface ExecPlace {
  spec: VmSpec;
  command: string;
  port: string;
}

/** What the command says of it now. VNET_ERR_INVALID if it does not say. */
export async function statusOf({ spec, command, port }: ExecPlace): Promise<Line & { state: State }> {
  const line = await runCommand(command, 'status', { spec, port }, ASK_TIMEOUT_MS).done;
  if (line.state !== undefined) return { ...line, state: line.state };
  throw new VnetError('VNET_ERR_INVALID', `'${command} status ${spec.name}' told no state`, {
    hint: 'it writes {"state": "running"}, "paused" or "stopped"',
  });
}

export class ExecVm implements RunningVm {
  readonly console?: string;
  readonly #place: ExecPlace;
  readonly #events: VmEvents;
  readonly #poll: NodeJS.Timeout;
  #known: 'running' | 'paused';
  /** A command that changes its state is under way: what `status` says meanwhile is no news. */
  #busy = false;
  #asking = false;
  #released = false;

  constructor(
    place: ExecPlace,
    events: VmEvents,
    told: { state: 'running' | 'paused'; console?: string },
    pollMs = STATUS_POLL_MS,
  ) {
    this.#place = place;
    this.#events = events;
    this.#known = told.state;
    if (told.console !== undefined) this.console = told.console;
    this.#poll = setInterval(() => void this.#look(), pollMs);
    this.#poll.unref();
  }

  async state(): Promise<'running' | 'paused'> {
    const { state } = await statusOf(this.#place);
    if (state !== 'stopped') return state;
    throw new VnetError('VNET_ERR_NOT_FOUND', `the VM ${this.#place.spec.name} does not run here`);
  }

  async stop({ graceMs }: { graceMs: number }): Promise<void> {
    this.#begin();
    try {
      const { spec, command, port } = this.#place;
      await runCommand(command, 'stop', { spec, port, graceMs }, graceMs + STOP_TIMEOUT_MS).done;
    } finally {
      this.#busy = false;
    }
    this.#end('stopped', true);
  }

  send(ticket: VmTicket, options: MoveOptions, progress: (transfer: MoveTransfer) => void): OutgoingVm {
    this.#begin();
    const { spec, command, port } = this.#place;
    const { driver: _driver, ...given } = ticket;
    const input = { spec, port, ticket: given, options };
    const run = runCommand(command, 'send', input, options.timeoutMs ?? MOVE_TIMEOUT_MS, (line) => {
      if (line.progress !== undefined) progress({ ...NO_TRANSFER, ...line.progress });
      if (line.paused) this.#tell('paused');
      if (line.running) this.#tell('running');
    });
    const done = this.#outcome(run).finally(() => void (this.#busy = false));
    done.catch(() => {}); // told to whoever looks at it
    return {
      done,
      cancel: async () => {
        await run.end();
        await done.catch(() => {});
      },
    };
  }

  release(): void {
    this.#released = true;
    clearInterval(this.#poll);
  }

  /** A `send` that failed may have come so far that nothing is here any more; only `status` can tell. */
  async #outcome(run: CommandRun): Promise<void> {
    try {
      await run.done;
      return this.#end('moved to another host', true);
    } catch (failure) {
      const { spec, command, port } = this.#place;
      const undone = await runCommand(command, 'cancel', { spec, port }, UNDO_TIMEOUT_MS).done.then(
        () => undefined,
        (thrown: unknown) => VnetError.from(thrown),
      );
      const { state } = await statusOf(this.#place).catch((thrown: unknown) => {
        throw new VnetError('VNET_ERR_INTERNAL', both(failure, thrown), { cause: failure });
      });
      if (state === 'stopped') return this.#end('moved to another host', true);
      this.#tell(state);
      if (undone === undefined) throw failure;
      throw new VnetError(VnetError.from(failure).code, both(failure, undone), { cause: failure });
    }
  }

  async #look(): Promise<void> {
    if (this.#busy || this.#asking) return;
    this.#asking = true;
    try {
      const { state } = await statusOf(this.#place);
      if (this.#busy || this.#released) return;
      if (state === 'stopped') this.#end('it was stopped or moved by others', false);
      else this.#tell(state);
    } catch {
      // A command that cannot tell says nothing about the VM; `state` passes the error on to who asks.
    } finally {
      this.#asking = false;
    }
  }

  #begin(): void {
    if (this.#busy) {
      throw new VnetError('VNET_ERR_CONFLICT', `the VM ${this.#place.spec.name} is being moved or stopped`, {
        hint: 'wait for that, or cancel it',
      });
    }
    this.#busy = true;
  }

  #tell(state: 'running' | 'paused'): void {
    if (state === this.#known || this.#released) return;
    this.#known = state;
    this.#events[state]();
  }

  #end(reason: string, expected: boolean): void {
    if (this.#released) return;
    this.release();
    setImmediate(() => this.#events.ended(reason, expected));
  }
}

const both = (first: unknown, second: unknown): string =>
  `${VnetError.from(first).message}; then ${VnetError.from(second).message}`;
