/**
 * VMs that others move (Proxmox, virsh, a person), followed by what they send at ports of role `vms`. An announcement
 * is believed at once; other frames once the old place has been silent for SILENCE_MS; a VM that is active at both is a
 * conflict, which is said and changes nothing. What our own drivers run is moved by their word alone.
 */
import type { Clock, MacAddress, Vm } from '../core/index.js';
import type { HostPort } from './placing.js';

/** Without a frame at the old place for as long, a VM that sends elsewhere has moved. */
export const SILENCE_MS = 1000;
/** A place that a VM left by an announcement is not believed on another one so soon: two that are active would take turns. */
export const RETURN_MS = 10_000;
/** A conflict of which nothing was seen for as long is over, and the next one is said again. */
export const CONFLICT_FORGET_MS = 10_000;

export interface Heard extends HostPort {
  mac: MacAddress;
  announced: boolean;
}

export interface FollowingWorld {
  clock: Clock;
  /** The registered VM of this address, where the port is of role `vms` and does not admit it. */
  find(heard: Heard): { vm: Vm; place: HostPort } | undefined;
  /** Frames of it that entered at a place so far. Undefined: nobody can say. Null: it cannot be asked. Never rejects. */
  framesOf(vm: Vm, place: HostPort): Promise<number | undefined | null>;
  /** Resolves when paths lead there, or cannot: never rejects. */
  move(vm: Vm, to: HostPort): Promise<void>;
  /** `host` has it, `elsewhere` sends with it. */
  conflict(vm: Vm, mac: MacAddress, host: string, elsewhere: string): void;
}

interface Followed {
  /** A check is dropped where an announcement comes meanwhile. */
  phase: 'idle' | 'checking' | 'moving';
  /** Where it was until an announcement moved it. */
  left?: HostPort & { untilMs: number };
  conflict?: HostPort & { seenMs: number };
}

export class Following {
  readonly #world: FollowingWorld;
  readonly #followed = new Map<string, Followed>();
  readonly #cancels = new Set<() => void>();
  #closed = false;

  constructor(world: FollowingWorld) {
    this.#world = world;
  }

  /** A source that a port refused. True: it is a VM of ours. */
  heard(heard: Heard): boolean {
    const found = this.#world.find(heard);
    if (!found) return false;
    const { vm, place } = found;
    if (this.#closed || same(place, heard)) return true;
    const key = `${vm.network} ${vm.name}`;
    const followed = this.#followed.get(key) ?? { phase: 'idle' };
    this.#followed.set(key, followed);
    if (vm.machine !== undefined || vm.pinned) this.#conflict(followed, vm, heard, place);
    else void this.#follow(followed, vm, heard, place);
    return true;
  }

  close(): void {
    this.#closed = true;
    for (const cancel of [...this.#cancels]) cancel();
  }

  async #follow(followed: Followed, vm: Vm, heard: Heard, place: HostPort): Promise<void> {
    const { left } = followed;
    const returns = left !== undefined && same(left, heard) && this.#world.clock.now() < left.untilMs;
    if (followed.phase === 'moving') return;
    if (heard.announced && !returns) return this.#move(followed, vm, heard, place);
    if (followed.phase === 'checking') return;
    followed.phase = 'checking';
    const state = await this.#stateOf(vm, place);
    if (this.#closed || this.#isMoving(followed)) return;
    followed.phase = 'idle';
    if (!same(this.#world.find(heard)?.place, place)) return;
    if (state === 'silent') await this.#move(followed, vm, heard, place);
    else if (state === 'active') this.#conflict(followed, vm, heard, place);
  }

  /** An announcement came while the old place was looked at. */
  #isMoving({ phase }: Followed): boolean {
    return phase === 'moving';
  }

  async #move(followed: Followed, vm: Vm, { host, port, announced }: Heard, from: HostPort): Promise<void> {
    followed.phase = 'moving';
    await this.#world.move(vm, { host, port });
    followed.phase = 'idle';
    delete followed.conflict;
    const untilMs = this.#world.clock.now() + RETURN_MS;
    if (announced) followed.left = { host: from.host, port: from.port, untilMs };
    else delete followed.left;
  }

  async #stateOf(vm: Vm, place: HostPort): Promise<'silent' | 'active' | 'unknown'> {
    const before = await this.#world.framesOf(vm, place);
    await this.#pause(SILENCE_MS);
    if (this.#closed) return 'unknown';
    const after = await this.#world.framesOf(vm, place);
    if (before === undefined || after === undefined) return 'unknown';
    // Nothing can reach it at a host that is away: where it sends, it can be reached.
    if (before === null || after === null) return 'silent';
    return after === before ? 'silent' : 'active';
  }

  #conflict(followed: Followed, vm: Vm, { host, port, mac }: Heard, place: HostPort): void {
    const now = this.#world.clock.now();
    const known = followed.conflict;
    const isNews = !same(known, { host, port }) || now - (known?.seenMs ?? now) >= CONFLICT_FORGET_MS;
    followed.conflict = { host, port, seenMs: now };
    if (isNews) this.#world.conflict(vm, mac, place.host, host);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        this.#cancels.delete(end);
        resolve();
      };
      const cancel = this.#world.clock.after(ms, end);
      this.#cancels.add(end);
    });
  }
}

function same(a: HostPort | undefined, b: HostPort): boolean {
  return a?.host === b.host && a.port === b.port;
}
