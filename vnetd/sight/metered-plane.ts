/** The agent's hands on the data plane, with what its trains cost counted. */
import type { Arrivals, PlaneTrain } from '../../core/index.js';
import type { AgentPlane } from './agent.js';

/** Octets as the underlay carries them. */
export interface ProbeBytes {
  sentBytes: number;
  receivedBytes: number;
}

export class MeteredPlane implements AgentPlane {
  readonly #plane: AgentPlane;
  readonly #bytes: ProbeBytes = { sentBytes: 0, receivedBytes: 0 };

  constructor(plane: AgentPlane) {
    this.#plane = plane;
  }

  get bytes(): ProbeBytes {
    return { ...this.#bytes };
  }

  setRecording(link: number, recordsPerSecond: number): void {
    this.#plane.setRecording(link, recordsPerSecond);
  }

  sendTrain(train: PlaneTrain): void {
    this.#plane.sendTrain(train);
    this.#bytes.sentBytes += train.sizes.reduce((sum, size) => sum + size, 0);
  }

  sendNote(link: number, note: Uint8Array): void {
    this.#plane.sendNote(link, note);
  }

  arrived({ rows, train, bytes }: Arrivals): void {
    for (let row = 0; row < rows; row++)
      if (train[row] !== 0) this.#bytes.receivedBytes += bytes[row] as number;
  }
}
