/** Traffic of the overlay itself over a simulated link. */
import type { SimulatedLink } from './simulated-link.js';
import type { World } from './world.js';

/**
 * `stream`: as much as the path takes, a window of packets under way. `messages`: MESSAGE_BYTES at once and a pause, as
 * parallel programs and web pages do.
 */
export type OwnKind = 'stream' | 'messages';

const PACKET_BYTES = 1500;
const WINDOW_PACKETS = 16;
/** Acknowledgements take so long; what is not acknowledged for so long was lost. */
const RETURN_MS = 5;
const LOST_AFTER_MS = 1500;
const MESSAGE_BYTES = 45_000;
const PAUSE_MS = 1500;

export class OwnTraffic {
  #link: SimulatedLink | undefined;
  #arrivedMs = 0;

  constructor(
    private readonly kind: OwnKind | undefined,
    private readonly world: World,
  ) {}

  start(link: SimulatedLink): void {
    this.#link = link;
    if (this.kind === 'messages') this.world.every(PAUSE_MS, () => this.#send(MESSAGE_BYTES / PACKET_BYTES));
    if (this.kind !== 'stream') return;
    this.#send(WINDOW_PACKETS);
    this.world.every(LOST_AFTER_MS, () => {
      if (this.world.now() - this.#arrivedMs >= LOST_AFTER_MS) this.#send(WINDOW_PACKETS);
    });
  }

  arrived(): void {
    this.#arrivedMs = this.world.now();
    if (this.kind === 'stream') this.world.after(RETURN_MS, () => this.#send(1));
  }

  #send(packets: number): void {
    for (let i = 0; i < packets; i++) this.#link?.send(PACKET_BYTES);
  }
}
