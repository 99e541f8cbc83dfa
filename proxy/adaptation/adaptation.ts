/**
 * Adaptation's home: the Proxy offers it, lends it eyes and hands (ProxyWorld), and keeps its memory. The controller,
 * and with it all of `vadapt`, is loaded when it is first needed: a Proxy that does not adapt does not pay for it.
 */
import {
  type AdaptAuthority,
  type AdaptPlan,
  type AdaptPlanRequest,
  type AdaptProgress,
  type AdaptReason,
  type AdaptRecord,
  type AdaptSettings,
  type AdaptView,
  type Clock,
  VnetError,
} from '../../core/index.js';
import type { AdaptWorld, ControllerMemory } from '../../vadapt/index.js';
import type { Overlay } from '../overlay.js';
import { MEMORY_KEY, ProxyWorld, type ProxyWorldOptions } from './proxy-world.js';

/** After a start, hosts come back before anything is decided, or what was begun is taken up. */
export const RETURN_MS = 5000;

/** Plans that are asked for at a time: each may search for a minute, or run a program of the user's. */
export const PLANS_AT_ONCE_MAX = 8;

/** What the Proxy needs of the controller. */
export interface Controller extends AdaptAuthority {
  /** Decides from now on, by itself where it may; takes up what was begun before a restart. */
  start(): void;
  /** VTTIF declared another topology of this network: worth a look. */
  topologyDeclared(network: string): void;
  /** Decides nothing more; resolves when nothing is under way. */
  close(): Promise<void>;
}

export interface ControllerParts {
  world: AdaptWorld;
  clock: Clock;
  /** Of the process before; undefined: there was none. */
  memory: ControllerMemory | undefined;
  /** The Proxy stops: searches end. */
  closing: AbortSignal;
}
export type LoadController = (parts: ControllerParts) => Promise<Controller>;

export class Adaptation implements AdaptAuthority {
  readonly #overlay: Overlay;
  readonly #world: ProxyWorld;
  readonly #memory: ControllerMemory | undefined;
  readonly #load: LoadController;
  #controller: Promise<Controller> | undefined;
  /** Hosts have had their time to come back. */
  #returned = false;
  readonly #cancels: (() => void)[];
  #planning = 0;

  private constructor(
    world: ProxyWorld,
    overlay: Overlay,
    memory: ControllerMemory | undefined,
    load: LoadController,
  ) {
    this.#world = world;
    this.#overlay = overlay;
    this.#memory = memory;
    this.#load = load;
    const isWanted = memory !== undefined && (memory.settings.mode !== 'off' || memory.begun !== undefined);
    const returned = overlay.options.clock.after(RETURN_MS, () => {
      this.#returned = true;
      if (isWanted || this.#controller) this.#start();
    });
    const declared = overlay.onEvent((event) => {
      if (event.kind !== 'topology') return;
      this.#controller?.then((controller) => controller.topologyDeclared(event.network)).catch(() => {});
    });
    this.#cancels = [returned, declared];
  }

  static async create(options: ProxyWorldOptions, load: LoadController): Promise<Adaptation> {
    const { overlay } = options;
    const memory = (await overlay.options.store.read(MEMORY_KEY)) as ControllerMemory | undefined;
    return new Adaptation(new ProxyWorld(options), overlay, memory, load);
  }

  async adaptation(history?: number): Promise<AdaptView> {
    return (await this.#loaded()).adaptation(history);
  }

  async setAdaptation(settings: Partial<AdaptSettings>): Promise<AdaptSettings> {
    return (await this.#loaded()).setAdaptation(settings);
  }

  async planAdaptation(request?: AdaptPlanRequest): Promise<AdaptPlan> {
    if (this.#planning >= PLANS_AT_ONCE_MAX) {
      const message = `${PLANS_AT_ONCE_MAX} plans are being made already`;
      throw new VnetError('VNET_ERR_LIMIT', message, { hint: 'ask again when one is ready' });
    }
    this.#planning += 1;
    try {
      return await (await this.#loaded()).planAdaptation(request);
    } finally {
      this.#planning -= 1;
    }
  }

  async applyAdaptation(plan: string, progress?: (progress: AdaptProgress) => void): Promise<AdaptRecord> {
    return (await this.#loaded()).applyAdaptation(plan, progress);
  }

  async whyAdapted(subject: string): Promise<AdaptReason> {
    return (await this.#loaded()).whyAdapted(subject);
  }

  async clearAdaptation(): Promise<AdaptRecord | undefined> {
    return (await this.#loaded()).clearAdaptation();
  }

  /** What is under way rejects, and is taken up by the next start. */
  async close(): Promise<void> {
    for (const cancel of this.#cancels) cancel();
    this.#world.close();
    const controller = await this.#controller?.catch(() => undefined);
    await controller?.close();
  }

  #start(): void {
    this.#loaded().then(
      (controller) => controller.start(),
      (thrown) =>
        this.#overlay.options.log.error({ err: thrown }, 'cannot load adaptation: nothing is decided'),
    );
  }

  #loaded(): Promise<Controller> {
    if (this.#controller) return this.#controller;
    const { clock } = this.#overlay.options;
    const { closing } = this.#world;
    if (closing.aborted) return Promise.reject(closing.reason as Error);
    const loading = this.#load({ world: this.#world, clock, memory: this.#memory, closing });
    this.#controller = loading;
    loading.catch(() => {
      this.#controller = undefined; // Asked again, it is tried again.
    });
    if (this.#returned) this.#start();
    return loading;
  }
}
