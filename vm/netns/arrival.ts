/** The destination of a light VM's move: waits for the interface, and brings it up. */
import {
  MOVE_TIMEOUT_MS,
  type MoveOptions,
  type ReceivingVm,
  type RunningVm,
  type VmEvents,
  VnetError,
} from '../../core/index.js';
import { interfaceNames } from './interfaces.js';
import { ipBatch, type PreparedIp, prepareIp } from './ip.js';
import { type LightPlace, LightVm } from './light-vm.js';
import { ARRIVAL_POLL_MS, ARRIVAL_POLL_SHARE, TAKEN_TIMEOUT_MS, UNTOLD_MS } from './limits.js';
import { issueTicket, type NetnsTicket, removeWord, takeWord, wordState } from './ticket.js';
import { keepWire, linesUp, whoHas } from './wire.js';

export class Arrival implements ReceivingVm {
  readonly ticket: NetnsTicket;
  readonly arrived: Promise<RunningVm>;
  readonly #place: LightPlace;
  readonly #events: VmEvents;
  readonly #tool: PreparedIp = prepareIp();
  readonly #startedAt = performance.now();
  readonly #timeoutMs: number;
  #takenAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #settle!: { resolve(vm: RunningVm): void; reject(error: VnetError): void };

  constructor(place: LightPlace, options: MoveOptions, events: VmEvents) {
    this.#place = place;
    this.#events = events;
    this.#timeoutMs = options.timeoutMs ?? MOVE_TIMEOUT_MS;
    this.ticket = issueTicket(place.folder, place.name);
    this.arrived = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.arrived.catch(() => {}); // told to whoever looks at it
    this.#wait();
  }

  /** A word that was taken means that the VM is on its way: then it is waited for, and it stays. */
  async discard(): Promise<void> {
    if (takeWord(this.#place.folder, this.ticket))
      return this.#giveUp(new VnetError('VNET_ERR_CLOSED', 'it is not awaited any more'));
    const came = await this.arrived.then(
      () => true,
      () => false,
    );
    if (!came) return;
    throw new VnetError('VNET_ERR_REFUSED', `the VM ${this.#place.spec.name} runs here already`, {
      hint: 'move it back, or stop it',
    });
  }

  #wait(): void {
    const share = (performance.now() - this.#startedAt) * ARRIVAL_POLL_SHARE;
    const pollMs = Math.min(Math.max(share, ARRIVAL_POLL_MS.first), ARRIVAL_POLL_MS.last);
    this.#timer = setTimeout(() => void this.#look(), pollMs);
  }

  async #look(): Promise<void> {
    const { spec, namespace, name, folder } = this.#place;
    const word = wordState(folder, this.ticket);
    const now = performance.now();
    if (word === 'free') this.#takenAt = undefined;
    else this.#takenAt ??= now;
    const takenMs = now - (this.#takenAt ?? now);
    if (interfaceNames().has(name)) {
      if (word === 'sent') return this.#arrive();
      // The source has died on the way, or another interface has taken the name.
      const untold = takenMs > UNTOLD_MS;
      if (untold && (await whoHas(spec, namespace, name).catch(() => 'other')) === 'vm')
        return this.#arrive();
    }
    const lost = takenMs > TAKEN_TIMEOUT_MS;
    // After the time-out the word is taken back, so that nothing comes later.
    const late = now - this.#startedAt > this.#timeoutMs && takeWord(folder, this.ticket);
    if (lost || late) return this.#giveUp(this.#overdue(lost));
    this.#wait();
  }

  async #arrive(): Promise<void> {
    const { spec, namespace, name, folder } = this.#place;
    removeWord(folder, this.ticket);
    try {
      await this.#tool.run(linesUp(name)).catch(() => ipBatch(linesUp(name)));
    } catch (thrown) {
      const { code, message } = VnetError.from(thrown);
      const hint = `it is here, but down: start it again, on any host`;
      return this.#settle.reject(new VnetError(code, message, { hint, cause: thrown }));
    }
    const vm = new LightVm(this.#place, this.#events);
    this.#events.running();
    this.#settle.resolve(vm);
    // For the day that a namespace dies with the wire; what was kept at the source holds still if this fails.
    keepWire(folder, spec, namespace).catch(() => {});
  }

  #giveUp(why: VnetError): void {
    clearTimeout(this.#timer);
    this.#tool.drop();
    removeWord(this.#place.folder, this.ticket);
    this.#settle.reject(why);
  }

  #overdue(lost: boolean): VnetError {
    const { spec, name } = this.#place;
    const message = lost
      ? `the source took the ticket, but the interface ${name} did not come`
      : `the VM ${spec.name} did not come within ${this.#timeoutMs} ms`;
    return new VnetError('VNET_ERR_TIMEOUT', message, { hint: 'look at the source: vnet vms' });
  }
}
