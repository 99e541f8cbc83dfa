/** What an agent is given. */
import type { Clock, LinkType, PlaneTrain, Random } from '../core/index.js';

/** What Wren needs of a DataPlane. */
export interface WrenPlane {
  setRecording(link: number, recordsPerSecond: number): void;
  sendTrain(train: PlaneTrain): void;
  sendNote(link: number, note: Uint8Array): void;
}

export interface WrenLink {
  /** The plane's number. */
  link: number;
  /** LinkConfig's. */
  id: string;
  /** The host at the other end. */
  peer: string;
  type: LinkType;
  up: boolean;
}

export interface WrenOptions {
  /** This host's name. */
  host: string;
  plane: WrenPlane;
  clock: Clock;
  random: Random;
  /** SightParameters.probeShare. Default 0.01. */
  probeShare?: number;
}
