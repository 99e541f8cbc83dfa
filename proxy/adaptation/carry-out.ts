/**
 * One change of adaptation's, carried out: what is reserved and linked first, then VMs move, then paths follow, then
 * goes what is of no more use. Each step is one job in the queue that people's changes are in as well; what they did
 * meanwhile is left as they made it. Where a step fails, all that was done is undone, the last first.
 * docs/adr/0014-adaptation-beside-the-intent.md.
 */
import { type AdaptAction, type Adapted, type AdaptProgress, VnetError } from '../../core/index.js';
import type { LinkEnd } from '../executor/index.js';
import { madeEdges } from '../lowering/index.js';
import {
  ADAPTED_LISTS,
  type AdaptedDelta,
  applied,
  deltaOf,
  isNothing,
  nothing,
  permitted,
} from './delta.js';
import { type Move, Moving, type MovingOptions, type Stayed, whileOpen } from './moving.js';
import { routeFor } from './rerouting.js';
import { UndoLog } from './undo-log.js';

/** A link of ours that is not up by then never will be: a firewall, an address that is not one. */
export const LINK_UP_MS = 5000;

export interface CarryOutOptions extends Omit<MovingOptions, 'progress'> {
  progress: ((progress: AdaptProgress) => void) | undefined;
}

/**
 * Rejects with what failed, once everything is as it was; the error says what could not be undone. When the Proxy stops
 * it rejects at once: what is half done is for the next start.
 */
export async function carryOut(
  actions: readonly AdaptAction[],
  options: CarryOutOptions,
): Promise<{ stayed: Stayed[] }> {
  const change = new Change(actions, options);
  try {
    return { stayed: await change.run() };
  } catch (thrown) {
    options.closing.throwIfAborted();
    const left = await change.undo();
    if (left.length === 0) throw thrown;
    const error = VnetError.from(thrown);
    throw new VnetError(error.code, `${error.message}; not everything could be undone: ${left.join('; ')}`, {
      ...error.toBody(),
      cause: error,
    });
  }
}

class Change {
  readonly #options: CarryOutOptions;
  readonly #delta: AdaptedDelta;
  readonly #moves: Move[];
  readonly #moving: Moving;
  readonly #undo = new UndoLog();
  readonly #total: number;
  #done = 0;

  constructor(actions: readonly AdaptAction[], options: CarryOutOptions) {
    this.#options = options;
    this.#delta = deltaOf(actions);
    this.#moves = actions.filter((action) => action.kind === 'move');
    this.#total = actions.length;
    this.#moving = new Moving({ ...options, progress: (over, text) => this.#tell('move', text, over) });
  }

  async run(): Promise<Stayed[]> {
    await this.#make();
    const stayed = await this.#moving.go(this.#moves);
    this.#done += this.#moves.length;
    await this.#lay();
    await this.#remove();
    this.#done = this.#total;
    this.#tell('done', stayed.length > 0 ? `${stayed.length} VMs stayed` : 'done');
    return stayed;
  }

  /** Returns what could not be undone, sentences. */
  async undo(): Promise<string[]> {
    this.#tell('undo', 'back to what was before');
    const left: string[] = [];
    const attempt = async (work: () => Promise<unknown>) => {
      await work().catch((thrown: unknown) => left.push(VnetError.from(thrown).message));
    };
    await attempt(() => this.#stepBack(['routes']));
    await attempt(async () => {
      for (const { vm, reason } of await this.#moving.goBack()) left.push(`${vm} did not go back: ${reason}`);
    });
    await attempt(() => this.#stepBack(['links', 'linkReservations', 'cpuReservations']));
    return left;
  }

  async #make(): Promise<void> {
    const { add } = this.#delta;
    const reserved = add.linkReservations.length + add.cpuReservations.length;
    if (reserved > 0) this.#tell('reserve', `${reserved} to reserve`);
    if (add.links.length > 0) this.#tell('link', add.links.map(({ a, b }) => `${a} - ${b}`).join(', '));
    await this.#step(() => ({ add: { ...add, routes: [] }, remove: nothing() }));
    await this.#linksUp(add.links);
    this.#done += reserved + add.links.length;
  }

  /** Paths over a link that never comes up would be the ground's: then rather none of it. */
  async #linksUp(links: Adapted['links']): Promise<void> {
    const { overlay, closing } = this.#options;
    const isReady = (host: string) => overlay.members.get(host)?.ready ?? false;
    const owned = new Set(overlay.intent.adapted.links);
    const ends = links
      .filter((link) => owned.has(link) && isReady(link.a) && isReady(link.b))
      .flatMap(({ type, a, b }): LinkEnd[] => [
        { host: a, peer: b, type },
        { host: b, peer: a, type },
      ]);
    await whileOpen(closing, overlay.liveness.whenUp(ends, overlay.options.clock, LINK_UP_MS));
    const down = ends.find((end) => isReady(end.host) && isReady(end.peer) && !overlay.liveness.isUp(end));
    if (!down) return;
    const { host, peer, type } = down;
    throw new VnetError('VNET_ERR_TIMEOUT', `link ${type} ${host} ${peer} did not come up`, {
      hint: `see "vnet net" whether ${host} and ${peer} reach each other`,
    });
  }

  /** Routes for where everybody is now; what cannot be laid is suspended, and the ground carries it. */
  async #lay(): Promise<void> {
    const { add, remove } = this.#delta;
    const routes = add.routes.length + remove.routes.length;
    if (routes > 0) this.#tell('route', `${routes} to lay`);
    const only = (some: Adapted['routes']): Adapted => ({ ...nothing(), routes: some });
    await this.#step((now) => {
      const ground = this.#ground(now);
      const laid = add.routes.map((route) => routeFor(route, ground) ?? route);
      return { add: only(laid), remove: only(remove.routes) };
    });
    this.#done += routes;
  }

  #ground(now: Adapted) {
    const { topology, registry } = this.#options.overlay;
    const places = registry.places(topology).filter(({ learnt }) => !learnt);
    const hosts = new Map(places.map(({ name, host }) => [name, host]));
    const left = applied(now, { add: nothing(), remove: this.#delta.remove }, ['links']);
    return {
      hostOf: (vm: string) => hosts.get(vm),
      edges: madeEdges(topology, left),
      before: now.routes,
    };
  }

  async #remove(): Promise<void> {
    const { remove } = this.#delta;
    const gone = remove.links.length + remove.linkReservations.length + remove.cpuReservations.length;
    if (gone > 0) this.#tell('remove', `${gone} of no more use`);
    await this.#step(() => ({ add: nothing(), remove: { ...remove, routes: [] } }));
  }

  /** One job: the overlay as it is then, changed by this. */
  #step(delta: (now: Adapted) => AdaptedDelta, isUndo = false): Promise<void> {
    const { overlay, closing } = this.#options;
    return overlay.enqueue(async () => {
      closing.throwIfAborted();
      const { adapted } = overlay.intent;
      const { add, remove } = delta(adapted);
      const wanted = { add: permitted(add, overlay.topology), remove };
      if (isNothing(wanted.add) && isNothing(wanted.remove)) return;
      const next = applied(adapted, wanted, ADAPTED_LISTS);
      await overlay.adapt(next);
      if (!isUndo) this.#undo.note(adapted, next);
    });
  }

  #stepBack(lists: readonly (keyof Adapted)[]): Promise<void> {
    return this.#step((now) => this.#undo.delta(now, lists), true);
  }

  #tell(step: AdaptProgress['step'], text: string, more = 0): void {
    const done = Math.min(this.#done + more, this.#total);
    this.#options.progress?.({ step, done, total: this.#total, text });
  }
}
