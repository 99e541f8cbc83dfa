/**
 * Underlays that somebody measured. Text in, hosts and edges out; reading files is the caller's.
 */
import { type Random, VnetError } from '../../core/index.js';
import type { EdgeCapacity, EdgeMatrix, HostNode } from '../model/problem.js';
import { logNormal, numberedNames, shuffled } from './draw.js';

/** The measuring script writes the bytes that iperf moved in this time into the column `bitrate_Bps`. */
const IPERF_SECONDS = 10;

/**
 * Throughput and round-trip time between cloud regions (doitintl/intercloud-throughput: one CSV line a test, columns
 * from_cloud, from_region, to_cloud, to_region, bitrate_Bps, avgrtt in ms). Repeated tests of a pair are averaged; a
 * pair that was not measured has no edge; latency is half of the round trip. Hosts are `CLOUD/region`, by name.
 * @throws VNET_ERR_INVALID with the line
 */
export function cloudNetwork(csv: string, file: string): { hosts: HostNode[]; edges: EdgeCapacity[] } {
  const [heading = '', ...lines] = linesOf(csv);
  const columns = heading.split(',');
  const at = (name: string): number => {
    const column = columns.indexOf(name);
    if (column < 0) throw new VnetError('VNET_ERR_INVALID', `${file}: there is no column ${name}`);
    return column;
  };
  const [fromCloud, fromRegion, toCloud, toRegion] = [
    at('from_cloud'),
    at('from_region'),
    at('to_cloud'),
    at('to_region'),
  ];
  const [bytes, rtt] = [at('bitrate_Bps'), at('avgrtt')];
  const tests = new Map<string, { from: string; to: string; count: number; bytes: number; rttMs: number }>();
  for (const [i, line] of lines.entries()) {
    const cells = line.split(',');
    const [from, to] = [`${cells[fromCloud]}/${cells[fromRegion]}`, `${cells[toCloud]}/${cells[toRegion]}`];
    const test = tests.get(`${from} ${to}`) ?? { from, to, count: 0, bytes: 0, rttMs: 0 };
    test.count++;
    test.bytes += cell(cells[bytes], file, i + 2);
    test.rttMs += cell(cells[rtt], file, i + 2);
    tests.set(`${from} ${to}`, test);
  }
  const measured = [...tests.values()].filter(({ from, to }) => from !== to);
  const names = [...new Set(measured.flatMap(({ from, to }) => [from, to]))].sort();
  const edges = measured.map(({ from, to, count, bytes, rttMs }) => ({
    from,
    to,
    bitsPerSecond: Math.round((8 * bytes) / count / IPERF_SECONDS),
    latencyUs: Math.round((1000 * rttMs) / count / 2),
  }));
  return { hosts: names.map((name) => ({ name })), edges: edges.sort(byEnds) };
}

/** `count` of its hosts, drawn, and the edges among them. */
export function someHosts<Network extends { hosts: HostNode[]; edges: EdgeCapacity[] }>(
  network: Network,
  count: number,
  random: Random,
): { hosts: HostNode[]; edges: EdgeCapacity[] } {
  const chosen = new Set(
    shuffled(network.hosts, random)
      .slice(0, count)
      .map(({ name }) => name),
  );
  return {
    hosts: network.hosts.filter(({ name }) => chosen.has(name)),
    edges: network.edges.filter(({ from, to }) => chosen.has(from) && chosen.has(to)),
  };
}

/**
 * Round-trip times between PlanetLab nodes (NetLatency-Data: a square of milliseconds, tab-separated); capacities, which
 * were not measured, are drawn log-normal about `medianBitsPerSecond`. The first `count` nodes.
 */
export function planetLabNetwork(
  tsv: string,
  file: string,
  options: { count?: number; medianBitsPerSecond: number; spread: number; random: Random },
): { hosts: HostNode[]; edges: EdgeMatrix } {
  const rows = linesOf(tsv).map((line) => line.split('\t'));
  const count = Math.min(options.count ?? rows.length, rows.length);
  const latencyUs = new Float64Array(count * count);
  const bitsPerSecond = new Float64Array(count * count);
  for (let i = 0; i < count; i++)
    for (let j = 0; j < count; j++) {
      if (i === j) continue;
      latencyUs[i * count + j] = Math.round((1000 * cell(rows[i]?.[j], file, i + 1)) / 2);
      bitsPerSecond[i * count + j] = Math.round(
        logNormal(options.random, options.medianBitsPerSecond, options.spread),
      );
    }
  return {
    hosts: numberedNames('node', count).map((name) => ({ name })),
    edges: { bitsPerSecond, latencyUs },
  };
}

export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}

/** @throws VNET_ERR_INVALID with the line, from 1 */
export function cell(text: string | undefined, file: string, line: number): number {
  const value = text === undefined || text.trim() === '' ? Number.NaN : Number(text);
  if (value >= 0 && value < Infinity) return value;
  throw new VnetError(
    'VNET_ERR_INVALID',
    `${file}: line ${line} has ${text ?? 'nothing'} where a number is expected`,
  );
}

function byEnds(a: EdgeCapacity, b: EdgeCapacity): number {
  return a.from < b.from || (a.from === b.from && a.to < b.to) ? -1 : 1;
}
