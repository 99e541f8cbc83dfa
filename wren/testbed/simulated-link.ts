/**
 * Two agents and the UDP link between them, packet by packet: what a data plane would do (stamp, record, deliver
 * notes), over hops, with clocks that differ and time stamps that err.
 */
import {
  type Arrivals,
  type LinkState,
  type PlaneTrain,
  type Random,
  RECORDS_PER_SECOND_MAX,
  VnetError,
} from '../../core/index.js';
import { WrenAgent } from '../agent.js';
import type { WrenPlane } from '../agent-options.js';
import type { Hop } from './hop.js';
import type { World } from './world.js';

/** How an end's clock and time stamps err. */
export interface EndNoise {
  clockOffsetNs: number;
  /** Of the clock's speed. */
  drift: number;
  /** Mean of the (exponential) lateness of each stamp, both ways. */
  stampNs: number;
  /** Times a second that the machine does something else, and how long (exponential mean). */
  stallsPerSecond: number;
  stallNs: number;
  /** Arrivals within this time are seen as one, when the last came. */
  coalesceNs: number;
  /** From the start of sending one packet to the start of the next, at least. */
  sendNs: number;
}

export const QUIET: EndNoise = {
  clockOffsetNs: 0,
  drift: 0,
  stampNs: 1e3,
  stallsPerSecond: 0,
  stallNs: 0,
  coalesceNs: 0,
  sendNs: 6e3,
};

/** A busy machine with two processors, as the lab is. */
export const BUSY: EndNoise = {
  clockOffsetNs: 317e9,
  drift: 40e-6,
  stampNs: 15e3,
  stallsPerSecond: 5,
  stallNs: 1.5e6,
  coalesceNs: 20e3,
  sendNs: 8e3,
};

export interface SimulatedOptions {
  world: World;
  random: Random;
  /** From a to b; the last hop's propagation ends at b. */
  hops: readonly Hop[];
  noise?: EndNoise;
  /** Fraction of datagrams lost, and of those held back by half a millisecond, at random. */
  loss?: number;
  reorder?: number;
  packetBytes?: number;
  returnNs?: number;
  probeShare?: number;
  /** Own traffic that has arrived, for who sends more when it has. */
  onTraffic?: (bytes: number) => void;
  /** What a writes instead of the true time, nanoseconds. */
  lie?: (sentNs: number) => number;
}

interface Row {
  link: number;
  run: number;
  train: number;
  trainPackets: number;
  sequence: number;
  sentNs: number;
  arrivedNs: number;
  bytes: number;
}

export const LINK = 7;
const TICK_MS = 50;
const STATES_MS = 250;
const BATCH_MS = 20;
const RUN_ROWS = 64;
const HEADERS_BYTES = 28;
const HOLD_BACK_NS = 500e3;

export class SimulatedLink {
  readonly a: WrenAgent;
  readonly b: WrenAgent;
  /** Octets of trains, and of own traffic, that entered the path. */
  trainBytes = 0;
  trafficBytes = 0;
  lost = 0;
  up = true;
  #noise: EndNoise;
  #rows: Row[] = [];
  #recording = 0;
  #recordCredit = 0;
  #run = 0;
  #runLeft = 0;
  #sequence = 0xfffffff0;
  #arrived = 0;
  #arrivedBytes = 0;
  #trainUntilNs = 0;
  #sendFreeNs = 0;
  #stallFromNs = 0;
  #stallToNs = 0;

  constructor(readonly options: SimulatedOptions) {
    const { world, random } = options;
    this.#noise = options.noise ?? QUIET;
    const agent = (host: string, plane: WrenPlane) =>
      new WrenAgent({
        host,
        plane,
        clock: world,
        random,
        ...(options.probeShare === undefined ? {} : { probeShare: options.probeShare }),
      });
    this.a = agent('a', {
      setRecording: () => undefined,
      sendTrain: (train) => this.#sendTrain(train),
      sendNote: (_, note) => this.#later(options.returnNs ?? 1e6, () => this.b.note(LINK, note)),
    });
    this.b = agent('b', {
      setRecording: (_, recordsPerSecond) => {
        this.#recording = recordsPerSecond;
      },
      // The way back is not what is measured: b's own trains go nowhere.
      sendTrain: () => undefined,
      sendNote: (_, note) => this.#later(options.returnNs ?? 1e6, () => this.up && this.a.note(LINK, note)),
    });
    this.#tellLinks();
    this.#nextStall();
    world.every(TICK_MS, () => {
      this.a.tick();
      this.b.tick();
    });
    world.every(STATES_MS, () => {
      this.a.states([this.#state(0, 0)]);
      this.b.states([this.#state(this.#arrived, this.#arrivedBytes)]);
    });
    world.every(BATCH_MS, () => this.#deliver());
  }

  setUp(up: boolean): void {
    this.up = up;
    this.#tellLinks();
  }

  /** Own traffic: one datagram now. */
  send(bytes: number): void {
    this.trafficBytes += bytes;
    this.#sequence = (this.#sequence + 1) % 2 ** 32;
    this.#emit({ train: 0, trainPackets: 0, sequence: this.#sequence, bytes });
  }

  #tellLinks(): void {
    const link = { link: LINK, id: 'link-ab', type: 'udp' as const, up: this.up };
    this.a.links([{ ...link, peer: 'b' }]);
    this.b.links([{ ...link, peer: 'a' }]);
  }

  #sendTrain(train: PlaneTrain): void {
    const { world } = this.options;
    if (!this.up) throw new VnetError('VNET_ERR_UNREACHABLE', 'the link is down');
    if (world.nowNs < this.#trainUntilNs) throw new VnetError('VNET_ERR_LIMIT', 'a train is leaving');
    let atNs = world.nowNs;
    train.sizes.forEach((bytes, i) => {
      world.at(atNs, () => {
        this.trainBytes += bytes;
        this.#emit({ train: train.train, trainPackets: train.sizes.length, sequence: i, bytes });
      });
      atNs += Math.max(train.gapsNs[i] ?? 0, this.#noise.sendNs);
    });
    this.#trainUntilNs = atNs;
  }

  #emit(packet: Omit<Row, 'link' | 'run' | 'sentNs' | 'arrivedNs'>): void {
    const { world, random, loss = 0, reorder = 0, lie } = this.options;
    // The thread sends one after the other; when it is stopped, what was to leave leaves late, with its true time.
    const startNs = this.#outOfStall(Math.max(world.nowNs, this.#sendFreeNs));
    this.#sendFreeNs = startNs + this.#noise.sendNs;
    const trueNs = startNs * (1 + this.#noise.drift) + this.#noise.clockOffsetNs;
    const sentNs = lie ? lie(trueNs) : trueNs;
    const leavesNs = startNs + this.#late() / 2;
    if (random() < loss) {
      this.lost++;
      return;
    }
    const delayNs = random() < reorder ? HOLD_BACK_NS : 0;
    world.at(leavesNs, () => this.#hop(0, { ...packet, link: LINK, run: 0, sentNs, arrivedNs: 0 }, delayNs));
  }

  #hop(index: number, row: Row, delayNs: number): void {
    const { hops, world } = this.options;
    const hop = hops[index];
    if (!hop) {
      this.#arrive(row);
      return;
    }
    const leftNs = hop.pass(world.nowNs, row.bytes);
    if (leftNs === undefined) this.lost++;
    else world.at(leftNs + hop.propagationNs + delayNs, () => this.#hop(index + 1, row, 0));
  }

  #arrive(row: Row): void {
    const nowNs = this.options.world.nowNs;
    row.arrivedNs = this.#outOfStall(nowNs + this.#late());
    if (row.train === 0) {
      this.#arrived++;
      this.#arrivedBytes += row.bytes - 2 * HEADERS_BYTES;
      this.options.onTraffic?.(row.bytes);
      if (!this.#recordsTraffic()) return;
      row.run = this.#run;
    } else this.#endRun();
    const last = this.#rows.at(-1);
    if (last) {
      row.arrivedNs = Math.max(row.arrivedNs, last.arrivedNs);
      if (row.arrivedNs - last.arrivedNs < this.#noise.coalesceNs) last.arrivedNs = row.arrivedNs;
    }
    this.#rows.push(row);
  }

  #recordsTraffic(): boolean {
    if (this.#runLeft > 0) {
      this.#runLeft--;
      return true;
    }
    if (this.#recordCredit < RUN_ROWS) return false;
    this.#recordCredit -= RUN_ROWS;
    this.#run++;
    this.#runLeft = RUN_ROWS - 1;
    return true;
  }

  /** In a run nothing else arrived between two of its rows. */
  #endRun(): void {
    this.#recordCredit += this.#runLeft;
    this.#runLeft = 0;
  }

  #deliver(): void {
    const most = Math.min(this.#recording, RECORDS_PER_SECOND_MAX);
    this.#recordCredit = Math.min(this.#recordCredit + (most * BATCH_MS) / 1000, most);
    const rows = this.#rows.splice(0);
    if (rows.length === 0 || !this.up || this.#recording === 0) return;
    this.b.arrivals(toArrivals(rows));
  }

  #state(arrived: number, arrivedBytes: number): LinkState {
    return {
      id: LINK,
      up: this.up,
      rttUs: 2000 + this.options.random(),
      datagramBytes: (this.options.packetBytes ?? 1500) - HEADERS_BYTES,
      arrived,
      lost: 0,
      late: 0,
      inFrames: arrived,
      inBytes: arrivedBytes,
      outFrames: 0,
      outBytes: 0,
      drops: 0,
    };
  }

  #late(): number {
    return -Math.log(1 - this.options.random()) * this.#noise.stampNs;
  }

  #outOfStall(atNs: number): number {
    return atNs >= this.#stallFromNs && atNs < this.#stallToNs ? this.#stallToNs : atNs;
  }

  #nextStall(): void {
    const { world, random } = this.options;
    if (this.#noise.stallsPerSecond === 0) return;
    const exponential = (mean: number) => -Math.log(1 - random()) * mean;
    this.#stallFromNs = world.nowNs + exponential(1e9 / this.#noise.stallsPerSecond);
    this.#stallToNs = this.#stallFromNs + exponential(this.#noise.stallNs);
    world.at(this.#stallToNs, () => this.#nextStall());
  }

  #later(delayNs: number, run: () => void): void {
    this.options.world.at(this.options.world.nowNs + delayNs, run);
  }
}

function toArrivals(rows: readonly Row[]): Arrivals {
  const whole = (name: 'link' | 'run' | 'train' | 'trainPackets' | 'sequence' | 'bytes') =>
    Uint32Array.from(rows, (row) => row[name]);
  return {
    rows: rows.length,
    link: whole('link'),
    run: whole('run'),
    train: whole('train'),
    trainPackets: whole('trainPackets'),
    sequence: whole('sequence'),
    sentNs: Float64Array.from(rows, (row) => row.sentNs),
    arrivedNs: Float64Array.from(rows, (row) => row.arrivedNs),
    bytes: whole('bytes'),
  };
}
