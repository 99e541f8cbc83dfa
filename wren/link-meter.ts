/** What counters and keep-alives tell of a link, from the plane's snapshots. */
import type { Estimate, LinkState, TcpState } from '../core/index.js';

/** Of throughput. */
const RATE_WINDOW_MS = 1000;
/** Of loss. */
const LOSS_WINDOW_MS = 10_000;
/** Of the least round trip, and of the best delivery rate of a TCP connection. */
const LEAST_WINDOW_MS = 30_000;
/**
 * A TCP connection fills its path, with others perhaps, only while it sends so much of what is delivered. A burst after a
 * pause is held up by its own window, and that is not told as limited by the application.
 */
const FULL_SHARE = 0.2;
/** IP, UDP and hop header of a datagram, which the counters of frames leave out. */
const DATAGRAM_OVERHEAD_BYTES = 20 + 8 + 28;
/** Loss over fewer datagrams is hardly known. */
const LOSS_SURE_DATAGRAMS = 100;

/** Of the plane's smoothing over keep-alives, which is undone here: one that met a queue would be felt for seconds. */
const SMOOTHING = 8;
const RTT_SAMPLES = 16;

interface RttSample {
  atMs: number;
  smoothedUs: number;
  us: number;
  /** Of the last RTT_SAMPLES. */
  medianUs: number;
}

interface Point {
  atMs: number;
  state: LinkState;
}

/** Of a TCP connection. */
interface Delivery {
  atMs: number;
  bitsPerSecond: number;
  /** What it got was all that the path had for it. */
  isFull: boolean;
}

const rate = (bytes: number, ms: number): number => (ms > 0 ? Math.max(bytes, 0) * (8e3 / ms) : 0);

export class LinkMeter {
  #points: Point[] = [];
  #rtt: RttSample[] = [];
  #delivery: Delivery[] = [];

  get state(): LinkState | undefined {
    return this.#points.at(-1)?.state;
  }

  add(state: LinkState, atMs: number): void {
    const last = this.#points.at(-1);
    // Counters that went back are another session's, or another plane's.
    if (last && (state.arrived < last.state.arrived || state.outBytes < last.state.outBytes))
      this.#points = [];
    this.#points.push({ atMs, state });
    while (this.#points.length > 2 && atMs - (this.#points[1]?.atMs ?? atMs) >= LOSS_WINDOW_MS)
      this.#points.shift();
    const young = (point: { atMs: number }) => atMs - point.atMs <= LEAST_WINDOW_MS;
    const us = state.tcp?.rttUs || state.rttUs;
    if (state.up && us > 0 && us !== this.#rtt.at(-1)?.smoothedUs) {
      this.#rtt.push(this.#rttSample(atMs, us, state.tcp === undefined));
    }
    this.#rtt = this.#rtt.filter(young);
    if (state.tcp) this.#delivery.push({ atMs, ...this.#deliveryOf(state.tcp, atMs) });
    this.#delivery = this.#delivery.filter(young);
  }

  /** Forgets the path, keeps the counters. */
  restart(): void {
    this.#rtt = [];
    this.#delivery = [];
  }

  /** Of IP packets, over RATE_WINDOW_MS. */
  arriving(nowMs: number): Estimate {
    const overhead = (from: LinkState, to: LinkState) =>
      (to.arrived - from.arrived) * DATAGRAM_OVERHEAD_BYTES;
    return this.#throughput(nowMs, (from, to) => to.inBytes - from.inBytes + overhead(from, to));
  }

  leaving(nowMs: number): Estimate {
    return this.#throughput(nowMs, (from, to) => to.outBytes - from.outBytes);
  }

  rtt(nowMs: number): { rttUs?: Estimate; minRttUs?: Estimate } {
    const last = this.#rtt.at(-1);
    if (!last) return {};
    const tcp = this.state?.tcp;
    const method = tcp ? ('tcp-info' as const) : ('keep-alive' as const);
    const least = this.#rtt.reduce((best, sample) => (sample.medianUs < best.medianUs ? sample : best));
    const confidence = Math.min(this.#rtt.length / 3, 1);
    return {
      rttUs: { value: last.medianUs, ageMs: nowMs - last.atMs, method, confidence },
      minRttUs: {
        value: tcp?.minRttUs || least.medianUs,
        ageMs: nowMs - least.atMs,
        method,
        confidence,
      },
    };
  }

  /** Of datagrams of the peer; on TCP of our own segments. */
  loss(nowMs: number): Estimate | undefined {
    const from = this.#points[0]?.state;
    const last = this.#points.at(-1);
    if (!from || !last || last.state === from) return undefined;
    const to = last.state;
    const tcp = from.tcp !== undefined && to.tcp !== undefined;
    const lost = tcp
      ? (to.tcp?.retransmittedSegments ?? 0) - (from.tcp?.retransmittedSegments ?? 0)
      : to.lost - from.lost;
    const all = tcp
      ? (to.tcp?.sentSegments ?? 0) - (from.tcp?.sentSegments ?? 0)
      : to.arrived - from.arrived + lost;
    if (all <= 0) return undefined;
    return {
      value: Math.min(Math.max(lost / all, 0), 1),
      ageMs: nowMs - last.atMs,
      method: tcp ? 'tcp-info' : 'sequence',
      confidence: Math.min(all / LOSS_SURE_DATAGRAMS, 1),
    };
  }

  /** TCP: the best rate that was delivered; a bound while the sender never filled the path. */
  delivery(nowMs: number): Estimate | undefined {
    const full = this.#delivery.filter((sample) => sample.isFull);
    const samples = full.length > 0 ? full.slice(-8) : this.#delivery;
    const best = samples.reduce<(typeof samples)[number] | undefined>(
      (most, sample) => (most && most.bitsPerSecond >= sample.bitsPerSecond ? most : sample),
      undefined,
    );
    if (!best || best.bitsPerSecond === 0) return undefined;
    return {
      value: best.bitsPerSecond,
      ageMs: nowMs - best.atMs,
      method: 'tcp-info',
      confidence: full.length > 0 ? 0.7 : 0.3,
      ...(full.length > 0 ? {} : { atLeast: true }),
    };
  }

  #rttSample(atMs: number, smoothedUs: number, isSmoothed: boolean): RttSample {
    const before = this.#rtt.at(-1)?.smoothedUs;
    const us = isSmoothed && before !== undefined ? before + SMOOTHING * (smoothedUs - before) : smoothedUs;
    const recent = [...this.#rtt.slice(1 - RTT_SAMPLES).map((sample) => sample.us), us].sort((a, b) => a - b);
    return { atMs, smoothedUs, us, medianUs: Math.max(recent[recent.length >> 1] ?? us, 0) };
  }

  #deliveryOf({ deliveryBitsPerSecond, appLimited }: TcpState, nowMs: number): Omit<Delivery, 'atMs'> {
    const isBusy = this.leaving(nowMs).value >= FULL_SHARE * deliveryBitsPerSecond;
    return { bitsPerSecond: deliveryBitsPerSecond, isFull: !appLimited && isBusy };
  }

  #throughput(nowMs: number, bytes: (from: LinkState, to: LinkState) => number): Estimate {
    const to = this.#points.at(-1);
    const from = to && this.#points.findLast((point) => to.atMs - point.atMs >= RATE_WINDOW_MS * 0.9);
    const first = from ?? this.#points[0];
    const value = first && to ? rate(bytes(first.state, to.state), to.atMs - first.atMs) : 0;
    return { value, ageMs: to ? nowMs - to.atMs : 0, method: 'traffic', confidence: first === to ? 0 : 1 };
  }
}
