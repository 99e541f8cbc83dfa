/** The destination of a move by a user's command. */
import {
  MOVE_TIMEOUT_MS,
  type MoveOptions,
  type ReceivingVm,
  type RunningVm,
  type VmEvents,
  type VmTicket,
  VnetError,
} from '../../core/index.js';
import { type CommandRun, runCommand } from './command.js';
import { type ExecPlace, ExecVm, statusOf } from './exec-vm.js';
import { ARRIVAL_POLL_MS, TICKET_TIMEOUT_MS, UNDO_TIMEOUT_MS } from './limits.js';

export class ExecArrival implements ReceivingVm {
  readonly arrived: Promise<RunningVm>;
  readonly #place: ExecPlace;
  readonly #run: CommandRun;
  #over = false;
  #discarded = false;
  #undone: VnetError | undefined;

  /** Waits for the ticket. VNET_ERR_TIMEOUT without one, VNET_ERR_INVALID if the command ends without one. */
  static async begin(
    place: ExecPlace,
    options: MoveOptions,
    events: VmEvents,
    pollMs?: number,
  ): Promise<ExecArrival> {
    const { spec, command, port } = place;
    const timeoutMs = options.timeoutMs ?? MOVE_TIMEOUT_MS;
    let runs!: () => void;
    const running = new Promise<void>((resolve) => {
      runs = resolve;
    });
    let give!: (ticket: Record<string, unknown>) => void;
    const given = new Promise<Record<string, unknown>>((resolve) => {
      give = resolve;
    });
    const run = runCommand(command, 'receive', { spec, port, options }, timeoutMs, (line) => {
      if (line.ticket !== undefined) give(line.ticket);
      if (line.running) runs();
    });
    const ticket = await firstOf(given, run, `'${command} receive ${spec.name}'`);
    return new ExecArrival(place, { ...ticket, driver: 'exec' }, run, running, { timeoutMs, events, pollMs });
  }

  private constructor(
    place: ExecPlace,
    readonly ticket: VmTicket,
    run: CommandRun,
    running: Promise<void>,
    rest: { timeoutMs: number; events: VmEvents; pollMs: number | undefined },
  ) {
    this.#place = place;
    this.#run = run;
    this.arrived = this.#arrive(running, rest.timeoutMs).then(
      (console) => {
        this.#over = true;
        rest.events.running();
        return new ExecVm(place, rest.events, { state: 'running', ...console }, rest.pollMs);
      },
      async (thrown: unknown) => {
        await this.#undo();
        throw thrown;
      },
    );
    this.arrived.catch(() => {}); // told to whoever looks at it
  }

  async discard(): Promise<void> {
    if (this.#over || (await this.#runs())) throw executes(this.#place.spec.name);
    this.#discarded = true;
    await this.#run.end();
    await this.arrived.catch(() => {});
    if (this.#undone !== undefined) throw this.#undone;
    if (this.#over) throw executes(this.#place.spec.name);
  }

  /** `running`: the command's own word. Otherwise its `status` is asked once `receive` has ended. */
  async #arrive(running: Promise<void>, timeoutMs: number): Promise<{ console?: string }> {
    const deadline = performance.now() + timeoutMs;
    const ended = this.#run.done.then(() => undefined);
    const word = running.then(() => true as const);
    if ((await Promise.race([word, ended])) === true) return {};
    for (;;) {
      if (this.#discarded) throw new VnetError('VNET_ERR_CLOSED', 'it is not awaited any more');
      const { state, console } = await statusOf(this.#place);
      if (state === 'running') return console === undefined ? {} : { console };
      if (performance.now() > deadline) {
        const message = `the VM ${this.#place.spec.name} did not run here within ${timeoutMs} ms`;
        throw new VnetError('VNET_ERR_TIMEOUT', message, { hint: 'look at the source: vnet vms' });
      }
      await new Promise((resolve) => setTimeout(resolve, ARRIVAL_POLL_MS));
    }
  }

  async #runs(): Promise<boolean> {
    return (await statusOf(this.#place)).state === 'running';
  }

  /** Throws away what came. A failure is told by `discard`: something of it may be left. */
  async #undo(): Promise<void> {
    await this.#run.end();
    const { spec, command, port } = this.#place;
    await runCommand(command, 'discard', { spec, port }, UNDO_TIMEOUT_MS).done.catch((thrown: unknown) => {
      this.#undone = VnetError.from(thrown);
    });
  }
}

/** The ticket, before the command has ended or the time is over. */
async function firstOf<T>(given: Promise<T>, run: CommandRun, who: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new VnetError('VNET_ERR_TIMEOUT', `${who} gave no ticket within ${TICKET_TIMEOUT_MS} ms`);
    timer = setTimeout(() => reject(error), TICKET_TIMEOUT_MS);
  });
  const silent = run.done.then(() => {
    throw new VnetError('VNET_ERR_INVALID', `${who} ended without a ticket`, {
      hint: 'it writes {"ticket": {...}}, with whatever its `send` needs',
    });
  });
  silent.catch(() => {}); // of no interest once there is a ticket
  try {
    return await Promise.race([given, silent, late]);
  } catch (thrown) {
    await run.end();
    throw thrown;
  } finally {
    clearTimeout(timer);
  }
}

function executes(vm: string): VnetError {
  return new VnetError('VNET_ERR_REFUSED', `the VM ${vm} runs here already`, {
    hint: 'move it back, or stop it',
  });
}
