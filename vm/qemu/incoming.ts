/** The destination's side of a move: a QEMU that waits, and runs when the source says so (handover.ts). */
import { randomBytes } from 'node:crypto';
import { type ReceivingVm, type RunningVm, VnetError, type VmEvents } from '../../core/index.js';
import { HandoverDesk, type HandoverEvents } from './handover.js';
import type { Instance } from './instance.js';
import { PostCopyTail } from './post-copy-tail.js';
import { RunningQemu, type RunningOptions } from './running.js';
import { type QemuTicket, uriOf } from './ticket.js';
import type { MigrationInfo } from './transfer.js';

const TOKEN_BYTES = 16;

export class Incoming implements ReceivingVm, HandoverEvents {
  readonly arrived: Promise<RunningVm>;
  readonly #token = randomBytes(TOKEN_BYTES).toString('hex');
  #ticket: QemuTicket | undefined;
  #desk: HandoverDesk | undefined;
  #running: RunningQemu | undefined;
  #tail: PostCopyTail | undefined;
  #reason: string | undefined;

  /** @param instance started with `-incoming defer`; left to the caller if this rejects */
  static async open(
    instance: Instance,
    address: string,
    events: VmEvents,
    options: RunningOptions,
  ): Promise<Incoming> {
    const incoming = new Incoming(instance, events, options);
    await incoming.#listen(address);
    return incoming;
  }

  private constructor(
    readonly instance: Instance,
    readonly events: VmEvents,
    readonly options: RunningOptions,
  ) {
    this.arrived = new Promise((resolve, reject) => {
      const silence = instance.qmp.onEvent(({ event }) => {
        if (event !== 'RESUME') return;
        silence();
        resolve(this.#arrive());
      });
      void instance.ended.then(({ reason }) => {
        silence();
        // After RESUME the VM was here, and its source must not take it back.
        if (this.#running !== undefined) return this.#desk?.settle('lost');
        instance.layout.clean();
        this.#desk?.settle('gone');
        reject(new VnetError('VNET_ERR_CONFLICT', `it did not arrive: ${this.#reason ?? reason}`));
      });
    });
    this.arrived.catch(() => {}); // whoever waits hears of it; nobody has to
  }

  get ticket(): QemuTicket {
    if (this.#ticket === undefined) throw new VnetError('VNET_ERR_INTERNAL', 'nobody listens yet');
    return this.#ticket;
  }

  async discard(): Promise<void> {
    if (this.#running !== undefined) {
      throw new VnetError('VNET_ERR_REFUSED', 'it runs here already and cannot be thrown away', {
        hint: 'stop it, or move it back',
      });
    }
    this.#reason ??= 'what was received is thrown away';
    await this.instance.quit();
  }

  /** The mark goes first: from here on a daemon that starts again finds a VM, not half a move. */
  go(): void {
    this.instance.layout.mark(undefined);
    // While it still loads, this means: when you have it.
    this.instance.qmp.execute('cont').catch(() => this.instance.quit());
  }

  away(): void {
    if (this.#running === undefined) {
      this.#reason ??= 'the source gave up';
      void this.instance.quit();
    } else this.#tail?.giveUp('its source was lost, with the rest of its memory');
  }

  async #listen(address: string): Promise<void> {
    const postCopy = await configure(this.instance);
    this.#desk = await HandoverDesk.open(address, this.#token, this);
    const port = await listen(this.instance, address);
    const { accelerator, cpu } = this.options;
    const handover = { handoverPort: this.#desk.port, token: this.#token };
    this.#ticket = { driver: 'qemu', address, port, ...handover, postCopy, accelerator, cpu };
  }

  #arrive(): RunningQemu {
    this.#running = new RunningQemu(this.instance, this.events, this.options);
    this.#tail = new PostCopyTail(this.#running, uriOf(this.ticket.address, this.ticket.port));
    this.#desk?.settle('running');
    this.events.running();
    return this.#running;
  }
}

/** @returns whether post-copy is possible here */
async function configure({ qmp }: Instance): Promise<boolean> {
  const set = (names: string[]) =>
    qmp.execute('migrate-set-capabilities', {
      capabilities: names.map((capability) => ({ capability, state: true })),
    });
  await set(['events', 'return-path']);
  // Refused where the kernel has no userfaultfd, or keeps it from us.
  return set(['postcopy-ram']).then(
    () => true,
    () => false,
  );
}

async function listen({ qmp }: Instance, address: string): Promise<number> {
  await qmp.execute('migrate-incoming', { uri: uriOf(address, 0) });
  const info = await qmp.execute<MigrationInfo>('query-migrate');
  const port = Number(info['socket-address']?.[0]?.port);
  if (Number.isInteger(port) && port > 0) return port;
  throw new VnetError('VNET_ERR_INTERNAL', 'QEMU does not say where it receives');
}
