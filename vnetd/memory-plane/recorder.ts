/** What arrives on UDP links, row by row: unbroken runs of traffic, and whole trains. Bounded in rows a second. */
import { type Arrivals, type Clock, RECORDS_PER_SECOND_MAX } from '../../core/index.js';
import { RECORD_BURST, RECORD_FLUSH_MS, RUN_ROWS, TRAIN_FORGET_MS } from './limits.js';
import { TokenBucket } from './token-bucket.js';

export interface ArrivalRow {
  link: number;
  run: number;
  train: number;
  trainPackets: number;
  sequence: number;
  sentNs: number;
  arrivedNs: number;
  bytes: number;
}

/** One datagram. */
export interface Receipt {
  sentNs: number;
  arrivedNs: number;
  bytes: number;
}

/** All links together. */
export class Recorder {
  readonly #clock: Clock;
  readonly #openedMs: number;
  readonly #deliver: (arrivals: Arrivals) => void;
  readonly #total = new TokenBucket(RECORDS_PER_SECOND_MAX, RECORD_BURST);
  #rows: ArrivalRow[] = [];
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, deliver: (arrivals: Arrivals) => void) {
    this.#clock = clock;
    this.#openedMs = clock.now();
    this.#deliver = deliver;
  }

  now(): number {
    return this.#clock.now();
  }

  /** Nanoseconds since the plane opened. */
  sinceOpenNs(atMs: number): number {
    return (atMs - this.#openedMs) * 1e6;
  }

  take(rows: number): boolean {
    return this.#total.take(this.now(), rows);
  }

  add(row: ArrivalRow): void {
    this.#rows.push(row);
    this.#cancel ??= this.#clock.after(RECORD_FLUSH_MS, () => this.#flush());
  }

  close(): void {
    this.#cancel?.();
  }

  #flush(): void {
    const rows = this.#rows;
    this.#rows = [];
    this.#cancel = undefined;
    this.#deliver(columns(rows));
  }
}

/** One link's share. */
export class LinkRecord {
  readonly #recorder: Recorder;
  readonly #link: number;
  #bucket: TokenBucket | undefined;
  #runs = 0;
  #run: { number: number; rows: number } | undefined;
  #train: { number: number; packets: number; atMs: number; run: number; seen: Set<number> } | undefined;

  constructor(recorder: Recorder, link: number) {
    this.#recorder = recorder;
    this.#link = link;
  }

  /** 0: nothing, not even trains. */
  setRate(recordsPerSecond: number): void {
    this.restart();
    const burst = RUN_ROWS + recordsPerSecond / 10;
    this.#bucket = recordsPerSecond > 0 ? new TokenBucket(recordsPerSecond, burst) : undefined;
  }

  /** A new session. */
  restart(): void {
    this.#interrupt();
    this.#train = undefined;
  }

  traffic(sequence: number, receipt: Receipt): void {
    if (!this.#bucket) return;
    if (!this.#run) {
      // A run begins only when there is room for the whole of it: short ones tell nothing.
      if (!this.#bucket.take(this.#recorder.now(), RUN_ROWS)) return;
      this.#run = { number: ++this.#runs, rows: 0 };
    }
    if (!this.#recorder.take(1)) return this.#interrupt();
    this.#add({ run: this.#run.number, train: 0, trainPackets: 0, sequence, ...receipt });
    this.#run.rows += 1;
    if (this.#run.rows === RUN_ROWS) this.#run = undefined;
  }

  /** Whole or not at all: its rows are paid for in advance. */
  train(number: number, place: number, packets: number, receipt: Receipt): void {
    if (!this.#bucket) return;
    this.#interrupt();
    const nowMs = this.#recorder.now();
    if (this.#train?.number !== number || nowMs - this.#train.atMs > TRAIN_FORGET_MS) {
      const run = this.#recorder.take(packets) ? ++this.#runs : 0;
      this.#train = { number, packets, atMs: nowMs, run, seen: new Set() };
    }
    const { run, seen } = this.#train;
    if (run === 0 || packets !== this.#train.packets || seen.has(place)) return;
    seen.add(place);
    this.#add({ run, train: number, trainPackets: packets, sequence: place, ...receipt });
  }

  #add(row: Omit<ArrivalRow, 'link'>): void {
    this.#recorder.add({ link: this.#link, ...row });
  }

  #interrupt(): void {
    if (this.#run) this.#bucket?.give(RUN_ROWS - this.#run.rows);
    this.#run = undefined;
  }
}

function columns(rows: ArrivalRow[]): Arrivals {
  const whole = (name: keyof ArrivalRow) => Uint32Array.from(rows, (row) => row[name]);
  const real = (name: keyof ArrivalRow) => Float64Array.from(rows, (row) => row[name]);
  return {
    rows: rows.length,
    link: whole('link'),
    run: whole('run'),
    train: whole('train'),
    trainPackets: whole('trainPackets'),
    sequence: whole('sequence'),
    sentNs: real('sentNs'),
    arrivedNs: real('arrivedNs'),
    bytes: whole('bytes'),
  };
}
