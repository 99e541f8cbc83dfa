/** What the conformance suite needs of a kind of plane: how frames get in and out, and how time passes. */
import type { Test } from 'tap';
import type { DataPlane, PlaneHandlers, PlanePort } from '../../core/index.js';

export interface BedPlane {
  plane: DataPlane;
  /** Where it listens. */
  address: string;
  port: number;
}

export interface BedPort {
  send(frame: Uint8Array): void;
  /** All that was delivered so far, oldest first. */
  readonly received: Uint8Array[];
}

export interface PlaneBed {
  /** A new plane that listens. */
  plane(name: string, handlers: PlaneHandlers): BedPlane;
  /** Opens the port and joins its far end. */
  openPort(on: BedPlane, config: Omit<PlanePort, 'spec'>, name: string): Promise<BedPort>;
  /** A specification that the plane could open. */
  spec(name: string): string;
  /** Octets of a stranger to the plane's socket. */
  noise(to: BedPlane, bytes: Uint8Array): void;
  /** Cuts or restores the underlay between two planes; absent: the suite closes an end of the link instead. */
  setPath?(a: BedPlane, b: BedPlane, up: boolean): void;
  /** The packets of the run, printed where a test fails. */
  trace?(): string;
  /** Lets time pass, and what is under way arrive. */
  pass(ms: number): Promise<void>;
  /** Closes every plane and removes what was made. */
  close(): Promise<void>;
}

/** One subtest of the suite, on a bed of its own. */
export type ConformanceCase = (t: Test, bed: PlaneBed) => Promise<void>;
