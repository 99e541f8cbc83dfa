/**
 * The path of a frame, in the order it meets things: ingress (size, guard, epoch), decision (cache, miss),
 * egress (port, edge, ground, hold, drop). Every drop is counted with its reason, at the plane and where the
 * frame came in.
 */
import {
  type Clock,
  DROP_REASONS,
  type DropReason,
  type FlowDelta,
  type FlowEntry,
  type PlaneAction,
  type PlaneEcho,
  type PlaneNetwork,
} from '../../core/index.js';
import { announcementOf } from './announcement.js';
import { Counters } from './counters.js';
import type { FrameDatagram } from './datagram.js';
import { Echoes } from './echoes.js';
import { FlowCache, PendingFlows } from './flow-cache.js';
import {
  destinationOf,
  ETHERNET_HEADER,
  isGroupNumber,
  longestFrame,
  missOf,
  type Passing,
  sourceOf,
  type Tally,
} from './frame.js';
import type { Handover } from './handover.js';
import { HoldBuffer } from './hold.js';
import { HOP_LIMIT } from './limits.js';
import type { LinkEnd } from './link-end.js';
import type { PortEnd } from './plane-port.js';

interface Outside {
  /** False: the port's reader does not keep up. */
  deliver(spec: string, frame: Uint8Array): boolean;
  note(text: string): void;
}

export class Mover {
  readonly networks = new Map<number, PlaneNetwork>();
  readonly ports = new Map<number, PortEnd>();
  readonly links = new Map<number, LinkEnd>();
  readonly edges = new Map<number, number[]>();
  readonly flows = new FlowCache();
  readonly counters = new Counters();
  readonly #echoes: Echoes;
  readonly #clock: Clock;
  readonly #handover: Handover;
  readonly #outside: Outside;
  readonly #pending: PendingFlows;
  readonly #holds: HoldBuffer;
  #generation = 0;

  constructor(clock: Clock, handover: Handover, outside: Outside) {
    this.#clock = clock;
    this.#handover = handover;
    this.#outside = outside;
    this.#pending = new PendingFlows(clock, (frames) => {
      for (const frame of frames) this.#drop(frame, DROP_REASONS.missTimeout);
    });
    this.#echoes = new Echoes(clock);
    this.#holds = new HoldBuffer(clock, (frame, port) => this.#dropHeld(frame, port));
  }

  // Ingress.

  fromPort(port: PortEnd, bytes: Uint8Array): void {
    const { tally, config } = port;
    const network = this.networks.get(config.network);
    if (bytes.length < ETHERNET_HEADER) return this.#refuse(tally, DROP_REASONS.runt);
    if (!network) return this.#refuse(tally, DROP_REASONS.unknownNetwork);
    if (bytes.length > longestFrame(network.mtu, bytes)) return this.#refuse(tally, DROP_REASONS.oversize);
    const source = sourceOf(bytes);
    if (!port.admit(bytes, this.#clock, (event) => this.#handover.event(event))) {
      return this.#refuse(tally, DROP_REASONS.guard);
    }
    tally.inFrames += 1;
    tally.inBytes += bytes.length;
    if (!config.guarded) this.#unlearnElsewhere(port, source);
    const frame: Passing = {
      network: config.network,
      ground: 0,
      ingress: config.port,
      source,
      destination: destinationOf(bytes),
      epoch: network.epoch,
      hops: HOP_LIMIT,
      echo: false,
      bytes,
      tally,
    };
    this.counters.entered(frame);
    this.#decide(frame);
  }

  sendEcho(echo: PlaneEcho): void {
    this.#enterOwn(this.#echoes.request(echo), echo.port, true);
  }

  announce(port: number, source: number): void {
    this.#enterOwn(announcementOf(source), port, false);
  }

  fromLink(link: LinkEnd, { network, ground, epoch, hops, echo, bytes }: FrameDatagram): void {
    const { tally, config } = link;
    tally.inFrames += 1;
    tally.inBytes += bytes.length;
    const known = this.networks.get(network);
    if (!known) return this.#refuse(tally, DROP_REASONS.unknownNetwork);
    const current = epoch >= known.oldestEpoch && epoch <= known.epoch + 1;
    this.#decide({
      network,
      ground: current ? ground : 1,
      ingress: config.edge,
      source: sourceOf(bytes),
      destination: destinationOf(bytes),
      // The rules of an epoch that is over are gone: it goes on by those of now.
      epoch: current ? epoch : known.epoch,
      hops,
      echo,
      bytes,
      tally,
    });
  }

  /** As fromPort, without the guard, learning and the pair's count. */
  #enterOwn(bytes: Uint8Array, number: number, echo: boolean): void {
    const port = this.ports.get(number);
    const network = port && this.networks.get(port.config.network);
    if (!port) return this.counters.dropped(DROP_REASONS.portClosed);
    if (!network) return this.#refuse(port.tally, DROP_REASONS.unknownNetwork);
    this.#decide({
      network: network.network,
      ground: 0,
      ingress: number,
      source: sourceOf(bytes),
      destination: destinationOf(bytes),
      epoch: network.epoch,
      hops: HOP_LIMIT,
      echo,
      bytes,
      tally: port.tally,
    });
  }

  // Decision.

  #decide(frame: Passing): void {
    const entry = this.#pending.has(frame) ? undefined : this.flows.find(frame);
    if (entry) return this.#perform(frame, entry);
    if (!this.#pending.push(frame)) return this.#drop(frame, DROP_REASONS.missQueue);
    this.#ask(frame);
  }

  #ask(frame: Passing): void {
    if (!this.flows.find(frame) && this.#pending.ask(frame)) this.#handover.miss(missOf(frame));
  }

  /** Everything is in place before the first waiting frame moves. Held frames are older than waiting ones. */
  apply({ generation, invalidate, install }: FlowDelta): void {
    const stale = generation < this.#generation;
    this.#generation = Math.max(this.#generation, generation);
    const gone = this.flows.invalidate(invalidate);
    if (!stale) for (const entry of install) gone.push(...this.flows.install(copyOf(entry)));
    this.reconsider(gone);
    for (const entry of install) {
      if (stale) for (const miss of this.#pending.answeredBy(entry)) this.#handover.miss(miss);
      else this.#release(entry);
    }
  }

  #release(installed: FlowEntry): void {
    const { ready, next } = this.#pending.release(installed, (frame) => this.flows.find(frame) !== undefined);
    for (const frame of ready) {
      const entry = this.flows.find(frame);
      if (entry) this.#perform(frame, entry);
      else this.#decide(frame);
    }
    if (next) this.#ask(next);
  }

  /** What entries held that are gone now is decided again. */
  reconsider(gone: FlowEntry[]): void {
    for (const frame of this.#holds.release(gone)) this.#decide({ ...frame, held: true });
  }

  /** Before what is held for the port. Counters that saw them leave do not forget it. */
  recall(port: PortEnd, agoMs: number): void {
    const { frames, overflowed } = port.takeSent(this.#clock.now() - agoMs);
    for (let i = 0; i < overflowed; i++) this.#refuse(port.tally, DROP_REASONS.holdLimit);
    port.held += frames.length;
    const waiting = this.#holds.release(this.flows.invalidate([{ port: port.config.port }]));
    for (const frame of [...frames, ...waiting]) this.#decide({ ...frame, held: true });
  }

  close(): void {
    this.#pending.clear();
    this.#holds.clear();
  }

  // Egress.

  #perform(frame: Passing, entry: FlowEntry): void {
    if (frame.copyFor !== undefined) return this.#performCopy(frame, frame.copyFor, entry);
    const actions = entry.actions.filter((action) => !returns(frame, action));
    if (actions.length === 0) this.#drop(frame, DROP_REASONS.loop);
    let echoed = false;
    for (const action of actions) {
      // A stranger's echo buys one answer, however many ports its flow has.
      if (action.kind === 'port' && frame.echo && echoed) continue;
      echoed ||= action.kind === 'port';
      if (action.kind === 'port') this.#toPort(frame, action.port);
      else if (action.kind === 'edge') this.#toEdge(frame, action.edge);
      else if (action.kind === 'ground') this.#toGround(frame);
      else if (action.kind === 'drop') this.#drop(frame, action.reason);
      else this.#hold(frame, action.port, entry);
    }
  }

  /** Alone in its entry, hold keeps the frame; beside other actions, a copy for one port. */
  #hold(frame: Passing, port: number | undefined, entry: FlowEntry): void {
    const copy = entry.actions.length > 1 && port !== undefined ? { copyFor: port } : {};
    if (!this.#holds.push(entry, { ...frame, ...copy }, port)) return this.#dropHeld(frame, port);
    const target = port === undefined ? undefined : this.ports.get(port);
    if (target && !frame.held) target.held += 1;
  }

  /** A copy goes to its own port or nowhere. */
  #performCopy(frame: Passing, port: number, entry: FlowEntry): void {
    const action = entry.actions.find((each) => 'port' in each && each.port === port);
    if (!action) return this.#dropHeld(frame, port);
    if (action.kind === 'port') return this.#toPort(frame, port);
    if (!this.#holds.push(entry, frame, port)) this.#dropHeld(frame, port);
  }

  /** What was meant for a held port is lost there, not where it came in. */
  #dropHeld(frame: Passing, port: number | undefined): void {
    const target = port === undefined ? undefined : this.ports.get(port);
    this.#refuse(target?.tally ?? frame.tally, DROP_REASONS.holdLimit);
  }

  #toPort(frame: Passing, number: number): void {
    const port = this.ports.get(number);
    if (!port) return this.#drop(frame, DROP_REASONS.portClosed);
    if (port.config.network !== frame.network) return this.#drop(frame, DROP_REASONS.unknownNetwork);
    if (frame.echo) return this.#echoArrived(frame, number);
    if (!this.#outside.deliver(port.config.spec, frame.bytes))
      return this.#drop(frame, DROP_REASONS.portQueue);
    port.tally.outFrames += 1;
    port.tally.outBytes += frame.bytes.length;
    this.counters.delivered(frame);
    port.left(frame, this.#clock.now());
  }

  /** A request is answered from the port at which it would leave, an answer is told. */
  #echoArrived(frame: Passing, port: number): void {
    const arrival = this.#echoes.arrived(frame.bytes, port);
    if (arrival.kind === 'malformed') return this.#drop(frame, DROP_REASONS.malformed);
    if (arrival.kind === 'answer') {
      const { echo, rttUs, hops } = arrival;
      return this.#handover.event({ kind: 'echo', echo, rttUs, hops });
    }
    if (!this.#echoes.mayAnswer(frame.ingress)) return this.#drop(frame, DROP_REASONS.noteRate);
    this.#enterOwn(arrival.answer(HOP_LIMIT - frame.hops), port, true);
  }

  #toEdge(frame: Passing, edge: number): void {
    const link = this.#liveLink(edge);
    if (!link) return this.#withoutLink(frame);
    if (frame.hops === 0) return this.#drop(frame, DROP_REASONS.hopLimit);
    const { network, ground, echo, bytes } = frame;
    // One that turns round has found nobody by the rules of its epoch: it is stamped anew.
    const turns = ground === 1 && edge === frame.ingress;
    const epoch = (turns ? this.networks.get(network)?.epoch : undefined) ?? frame.epoch;
    const sent = link.send({
      kind: 'frame',
      id: link.id,
      network,
      ground,
      epoch,
      hops: frame.hops - 1,
      echo,
      bytes,
    });
    if (!sent) return this.#drop(frame, DROP_REASONS.linkQueue);
    link.tally.outFrames += 1;
    link.tally.outBytes += bytes.length;
  }

  #withoutLink(frame: Passing): void {
    if (frame.ground === 1) this.#drop(frame, DROP_REASONS.groundDead);
    else if (isGroupNumber(frame.destination)) this.#drop(frame, DROP_REASONS.groupEdgeDead);
    else this.#toGround(frame);
  }

  /** Stamped anew, since the paths of its epoch have failed it. One on the ground that is sent there again would never end. */
  #toGround(frame: Passing): void {
    if (frame.ground === 1) this.#drop(frame, DROP_REASONS.groundDead);
    else this.#decide({ ...frame, ground: 1, epoch: this.networks.get(frame.network)?.epoch ?? frame.epoch });
  }

  #liveLink(edge: number): LinkEnd | undefined {
    for (const number of this.edges.get(edge) ?? []) {
      const link = this.links.get(number);
      if (link?.up) return link;
    }
    return undefined;
  }

  #unlearnElsewhere(here: PortEnd, source: number): void {
    for (const port of this.ports.values()) {
      if (port !== here && port.config.network === here.config.network) port.unlearn(source);
    }
  }

  #drop(frame: Passing, reason: DropReason): void {
    this.#refuse(frame.tally, reason);
  }

  #refuse(tally: Tally, reason: DropReason): void {
    tally.drops += 1;
    this.counters.dropped(reason);
    this.#outside.note(`drop: ${reasonName(reason)}`);
  }
}

/** The table leaves the ingress out; this is the net under it. On the ground a frame may turn round. */
function returns(frame: Passing, action: PlaneAction): boolean {
  const target = action.kind === 'port' ? action.port : action.kind === 'edge' ? action.edge : undefined;
  return target === frame.ingress && frame.ground === 0;
}

/** Without a port to wait for, a frame is held whole or not at all. */
function copyOf(entry: FlowEntry): FlowEntry {
  const whole = entry.actions.find((action) => action.kind === 'hold' && action.port === undefined);
  return { ...entry, actions: (whole ? [whole] : entry.actions).map((action) => ({ ...action })) };
}

function reasonName(reason: DropReason): string {
  return Object.entries(DROP_REASONS).find(([, number]) => number === reason)?.[0] ?? String(reason);
}
