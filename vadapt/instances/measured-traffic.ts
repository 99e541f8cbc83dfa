/** Applications whose communication somebody recorded. What counts is who sends how much to whom: the whole is scaled. */
import { VnetError } from '../../core/index.js';
import type { FlowDemand } from '../model/problem.js';
import { numberedNames } from './draw.js';
import { cell, linesOf } from './measured-networks.js';

export interface Traffic {
  vms: string[];
  flows: FlowDemand[];
}

export interface Scale {
  /** What a VM sends, on average. */
  bitsPerSecondOfVm: number;
  /** Flows below this part of the largest are left out, as the inference leaves them out. Default 0.01. */
  threshold?: number;
  /** The largest flows only. Default: all. */
  flowsMax?: number;
}

const THRESHOLD = 0.01;

/** Bytes from rank to rank (MapLib `*.p2p.size.csv`: a square, a row a sender). What a rank sends to itself is left out. */
export function rankMatrix(csv: string, file: string, scale: Scale): Traffic {
  const rows = linesOf(csv).map((line) => line.split(','));
  const bytes = new Map<number, number>();
  for (const [from, row] of rows.entries()) {
    if (row.length !== rows.length)
      throw new VnetError(
        'VNET_ERR_INVALID',
        `${file}: line ${from + 1} has ${row.length} numbers, not ${rows.length}`,
      );
    for (const [to, text] of row.entries()) {
      const value = cell(text, file, from + 1);
      if (from !== to && value > 0) bytes.set(from * rows.length + to, value);
    }
  }
  return scaled(rows.length, bytes, scale);
}

/**
 * Bytes of pairs, both directions together (comm-patterns-clustering: `rank_a,rank_b,bytes_both_directions`): half each
 * way. Ranks that the list does not name do not exist.
 */
export function rankPairs(csv: string, file: string, scale: Scale): Traffic {
  const pairs = linesOf(csv)
    .slice(1)
    .map((line, i) => line.split(',').map((text) => cell(text, file, i + 2)));
  const count = pairs.reduce((most, [a = 0, b = 0]) => Math.max(most, a + 1, b + 1), 0);
  const bytes = new Map<number, number>();
  const add = (key: number, value: number) => bytes.set(key, (bytes.get(key) ?? 0) + value);
  for (const [a = 0, b = 0, both = 0] of pairs) {
    if (a === b || both === 0) continue;
    add(a * count + b, both / 2);
    add(b * count + a, both / 2);
  }
  return scaled(count, bytes, scale);
}

function scaled(ranks: number, bytes: ReadonlyMap<number, number>, scale: Scale): Traffic {
  const { bitsPerSecondOfVm, threshold = THRESHOLD, flowsMax = bytes.size } = scale;
  let most = 0;
  for (const value of bytes.values()) most = Math.max(most, value);
  const kept = [...bytes]
    .filter(([, value]) => value >= threshold * most)
    .sort(([a, x], [b, y]) => y - x || a - b)
    .slice(0, flowsMax)
    .sort(([a], [b]) => a - b);
  const total = kept.reduce((sum, [, value]) => sum + value, 0);
  const vms = numberedNames('rank', ranks);
  const factor = total === 0 ? 0 : (bitsPerSecondOfVm * ranks) / total;
  return {
    vms,
    flows: kept.map(([key, value]) => ({
      from: vms[Math.floor(key / ranks)] as string,
      to: vms[key % ranks] as string,
      bitsPerSecond: Math.round(factor * value),
    })),
  };
}

/** The first `count` VMs (neighbours in rank talk most) and the largest flows among them, at most `flowsMax`. */
export function someVms({ vms, flows }: Traffic, count: number, flowsMax: number): Traffic {
  const chosen = new Set(vms.slice(0, count));
  const among = flows.filter(({ from, to }) => chosen.has(from) && chosen.has(to));
  const kept = new Set([...among].sort((a, b) => b.bitsPerSecond - a.bitsPerSecond).slice(0, flowsMax));
  return { vms: [...chosen], flows: among.filter((flow) => kept.has(flow)) };
}
