/** For the tests: frames walked through tables hop by hop, without any code of the Proxy's. */
import { isGroup, type MacAddress } from '../core/index.js';
import type { ForwardingTable } from '../vnetd/index.js';

export interface Walker {
  tableOf(host: string): ForwardingTable | undefined;
  isLive(a: string, b: string): boolean;
}

export interface Frame {
  network: number;
  source: MacAddress;
  destination: MacAddress;
  epoch: number;
}

const HOPS_MAX = 64;

/** `host port` of each delivery, and `host>peer` of each edge taken; throws on a loop. */
export function walk(walker: Walker, frame: Frame, host: string, port: string) {
  const delivered: string[] = [];
  const edges: string[] = [];
  type Step = {
    at: string;
    ingress: { kind: 'port'; port: string } | { kind: 'edge'; peer: string };
    ground: boolean;
  };
  const queue: Step[] = [{ at: host, ingress: { kind: 'port', port }, ground: false }];
  for (let steps = 0; queue.length > 0; steps++) {
    if (steps > HOPS_MAX * 8) throw new Error(`a loop: ${edges.join(' ')}`);
    const { at, ingress, ground } = queue.shift() as Step;
    const decision = walker.tableOf(at)?.match({ ...frame, ground, ingress });
    for (const action of decision?.actions ?? []) {
      if (action.kind === 'port') delivered.push(`${at} ${action.port}`);
      if (action.kind !== 'edge') continue;
      if (walker.isLive(at, action.peer)) {
        edges.push(`${at}>${action.peer}`);
        queue.push({ at: action.peer, ingress: { kind: 'edge', peer: at }, ground });
      } else if (!ground && !isGroup(frame.destination)) {
        queue.push({ at, ingress, ground: true });
      }
    }
  }
  return { delivered, edges };
}
