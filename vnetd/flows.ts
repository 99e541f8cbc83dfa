/** Answers the data plane's missed keys from the forwarding table: the meeting point of deciding and moving. */
import {
  type DataPlane,
  DROP_REASONS,
  type DropReason,
  type FlowEntry,
  type FlowMiss,
  type FlowScope,
  isGroup,
  macFromNumber,
  type PlaneAction,
} from '../core/index.js';
import type { ForwardingTable, TableAction } from './forwarding/index.js';
import { edgeName, type PlaneIds, portName } from './plane-ids.js';

export class Flows {
  readonly #table: ForwardingTable;
  readonly #plane: DataPlane;
  readonly #ids: PlaneIds;
  readonly #oldestEpoch: (network: number) => number;
  readonly #held = new Set<string>();

  /** `oldestEpoch`: of a network; what is older is over. */
  constructor(
    table: ForwardingTable,
    plane: DataPlane,
    ids: PlaneIds,
    oldestEpoch: (network: number) => number,
  ) {
    this.#table = table;
    this.#plane = plane;
    this.#ids = ids;
    this.#oldestEpoch = oldestEpoch;
  }

  /** A unicast flow over an edge gets its ground entry too, so that failover asks nobody. */
  resolve(misses: FlowMiss[]): void {
    const install: FlowEntry[] = [];
    for (const miss of misses) {
      const entry = this.#answer(miss);
      install.push(entry);
      const overEdge = entry.actions.some((action) => action.kind === 'edge' || action.kind === 'ground');
      if (overEdge && miss.ground === 0 && !isGroup(macFromNumber(miss.destination))) {
        install.push(this.#answer({ ...miss, ground: 1 }));
      }
    }
    this.#plane.applyFlows({ generation: this.#table.generation, invalidate: [], install });
  }

  isHeld(port: string): boolean {
    return this.#held.has(port);
  }

  /** Frames for this port wait in the data plane, or leave again, in order; whether the port is open or not. */
  hold(port: string, held: boolean): void {
    if (this.#held.has(port) === held) return;
    if (held) this.#held.add(port);
    else this.#held.delete(port);
    // Which flows lead there only the cache knows: its group frames too.
    this.invalidate([{ port: this.#ids.of(portName(port)) }]);
  }

  /** Without scopes the table is what it was, and so is its generation. */
  invalidate(scopes: FlowScope[]): void {
    if (scopes.length === 0) return;
    this.#plane.applyFlows({ generation: this.#table.generation, invalidate: scopes, install: [] });
  }

  #answer(miss: FlowMiss): FlowEntry {
    const oldestEpoch = this.#oldestEpoch(miss.network);
    if (miss.ground === 0 && miss.epoch < oldestEpoch) return outlived(miss, oldestEpoch);
    const decision = this.#table.match({
      network: miss.network,
      ground: miss.ground === 1,
      source: macFromNumber(miss.source),
      destination: macFromNumber(miss.destination),
      epoch: miss.epoch,
      ingress: this.#ingress(miss.ingress),
    });
    const { network, ground, ingress, source, destination } = miss;
    return {
      network,
      ground,
      ingress,
      source,
      destination,
      fromEpoch: decision.fromEpoch,
      toEpoch: decision.toEpoch,
      actions: this.#actions(decision.actions, decision.dropReason ?? DROP_REASONS.rule),
    };
  }

  #ingress(id: number) {
    const name = this.#ids.name(id) ?? '';
    if (name.startsWith('port ')) return { kind: 'port' as const, port: name.slice('port '.length) };
    if (name.startsWith('edge ')) return { kind: 'edge' as const, peer: name.slice('edge '.length) };
    return undefined;
  }

  #actions(actions: TableAction[], dropReason: DropReason): PlaneAction[] {
    return actions.map((action) => {
      switch (action.kind) {
        case 'drop':
          return { kind: 'drop', reason: dropReason };
        case 'hold':
          return { kind: 'hold' };
        case 'ground':
          return { kind: 'ground' };
        case 'edge':
          return { kind: 'edge', edge: this.#ids.of(edgeName(action.peer)) };
        case 'port': {
          // A port that is not open yet has its number already: it opens, and no flow has to be decided again.
          const port = this.#ids.of(portName(action.port));
          return { kind: this.#held.has(action.port) ? 'hold' : 'port', port };
        }
      }
    });
  }
}

/** It waited here, held, while the paths of its epoch were taken away: on by the ground, as one that arrives so late. */
function outlived({ epoch: _, ...key }: FlowMiss, oldestEpoch: number): FlowEntry {
  return { ...key, fromEpoch: 0, toEpoch: oldestEpoch, actions: [{ kind: 'ground' }] };
}
