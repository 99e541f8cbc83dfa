/** What a lab really gives, beside what it promises: round trips, loss and reordering by UDP, throughput by TCP. */

import { createInterface } from 'node:readline';
import { VnetError } from '../core/index.js';
import { emulatorProgram } from './tool.js';
import type { Lab } from './lab.js';
import type { LabNode } from './node.js';
import { DEFAULT_MTU_BYTES, type HostSpec, type Path, pathBetween } from './spec.js';

export interface MeasureOptions {
  /** Pairs to measure, from-to; default: every pair once, in the order of the lab file. */
  pairs?: readonly (readonly [string, string])[];
  /** Of the throughput measurement; 0 leaves it out. Default 2. */
  seconds?: number;
  /** UDP probes for round trips and loss. Default 300. */
  probes?: number;
  /** Between probes. Default 2. */
  intervalMs?: number;
}

export interface PathMeasurement {
  from: string;
  to: string;
  promised: { up: boolean; rttMs: number; loss: number; lossBack: number; rateBps: number | null };
  got: {
    /** Null if nothing came back. */
    rttMs: { min: number; median: number; p90: number; max: number } | null;
    /** Of probes on the way there, and of replies on the way back. */
    loss: number;
    lossBack: number;
    /** Share of probes that arrived after a later one. */
    reordered: number;
    /** On the wire, worked out from what TCP delivered; null if not measured. */
    rateBps: number | null;
  };
  /** What is outside the tolerance; empty if the promise is kept. */
  deviations: string[];
}

export const RTT_TOLERANCE_MS = 1;
export const RTT_TOLERANCE_SHARE = 0.05;
export const RATE_TOLERANCE_SHARE = 0.1;
/** Besides chance: so many standard deviations of the binomial, and a half per cent. */
const LOSS_SIGMAS = 4;
const LOSS_TOLERANCE = 0.005;

const DEFAULT_PROBES = 300;
const DEFAULT_INTERVAL_MS = 2;
const DEFAULT_SECONDS = 2;
/** Left out at the start of a throughput measurement: slow start. */
const OMIT_SHARE = 0.4;
/** Ethernet, IP and TCP headers with timestamps, of a full segment. */
const ETHERNET_BYTES = 14;
const TCP_HEADER_BYTES = { 4: 52, 6: 72 } as const;
const TOOL_TIMEOUT_MS = 60_000;

interface ProbeReport {
  sent: number;
  remoteReceived: number;
  remoteReordered: number;
  received: number;
  rttMs: { min: number; median: number; p90: number; max: number };
}

async function tool<T>(node: LabNode, command: string[], timeoutMs = TOOL_TIMEOUT_MS): Promise<T> {
  const { stdout, stderr, code } = await node.run(command, { timeoutMs });
  if (code === 0) return JSON.parse(stdout) as T;
  throw new VnetError('VNET_ERR_INTERNAL', `measuring from ${node.name} failed: ${stderr.trim()}`);
}

/** Runs the echo and sink server in a node while `work` uses it. */
async function withServer<T>(node: LabNode, program: string, work: (port: string) => Promise<T>): Promise<T> {
  const server = node.spawn([program, 'serve', node.address], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const port = await new Promise<string>((resolve, reject) => {
      server.once('error', reject);
      server.once('exit', (code) =>
        reject(new VnetError('VNET_ERR_INTERNAL', `no measuring server: exit ${code}`)),
      );
      if (server.stdout) createInterface(server.stdout).once('line', resolve);
    });
    return await work(port);
  } finally {
    server.removeAllListeners('exit');
    server.kill('SIGKILL');
  }
}

/** Measures one pair after the other. See Lab.measure. */
export async function measurePaths(lab: Lab, options: MeasureOptions): Promise<PathMeasurement[]> {
  const program = await emulatorProgram();
  const names = lab.spec.hosts.map((host) => host.name);
  const all = names.flatMap((from, at) => names.slice(at + 1).map((to): [string, string] => [from, to]));
  const results: PathMeasurement[] = [];
  for (const [from, to] of options.pairs ?? all) {
    const [source, target] = [lab.host(from), lab.host(to)];
    results.push(
      await withServer(target, program, (port) =>
        measurePair(lab, { source, target, program, port }, options),
      ),
    );
  }
  return results;
}

interface Ends {
  source: LabNode;
  target: LabNode;
  program: string;
  port: string;
}

async function measurePair(lab: Lab, ends: Ends, options: MeasureOptions): Promise<PathMeasurement> {
  const { source, target, program, port } = ends;
  const { spec } = lab;
  const [a, b] = [source, target].map(({ name }) => spec.hosts.find((host) => host.name === name)) as [
    HostSpec,
    HostSpec,
  ];
  const [there, back] = [pathBetween(spec, a, b), pathBetween(spec, b, a)];
  const probes = String(options.probes ?? DEFAULT_PROBES);
  const interval = String(Math.round((options.intervalMs ?? DEFAULT_INTERVAL_MS) * 1e3));
  const report = await tool<ProbeReport>(source, [program, 'probe', target.address, port, probes, interval]);
  const seconds = options.seconds ?? DEFAULT_SECONDS;
  let rateBps: number | null = null;
  if (seconds > 0 && there.up && back.up && report.received > 0) {
    const ms = Math.round(seconds * 1e3);
    const flow = [
      program,
      'throughput',
      target.address,
      port,
      String(ms),
      String(Math.round(ms * OMIT_SHARE)),
    ];
    const { bps } = await tool<{ bps: number }>(source, flow, ms + TOOL_TIMEOUT_MS);
    const mtu = Math.min(a.mtu ?? DEFAULT_MTU_BYTES, b.mtu ?? DEFAULT_MTU_BYTES);
    rateBps = Math.round(
      (bps * (mtu + ETHERNET_BYTES)) / (mtu - TCP_HEADER_BYTES[target.address.includes(':') ? 6 : 4]),
    );
  }
  const measured = {
    from: source.name,
    to: target.name,
    promised: {
      up: there.up && back.up,
      rttMs: there.delayMs + back.delayMs,
      loss: there.loss,
      lossBack: back.loss,
      rateBps: there.rateBps,
    },
    got: {
      rttMs: report.received > 0 ? report.rttMs : null,
      loss: 1 - report.remoteReceived / report.sent,
      lossBack: report.remoteReceived === 0 ? 0 : 1 - report.received / report.remoteReceived,
      reordered: report.remoteReceived === 0 ? 0 : report.remoteReordered / report.remoteReceived,
      rateBps,
    },
  };
  return { ...measured, deviations: deviations(measured, there, back, report) };
}

/** How far loss may be from its promise by chance alone and still count as kept. */
export function lossTolerance(loss: number, probes: number): number {
  return LOSS_TOLERANCE + LOSS_SIGMAS * Math.sqrt((loss * (1 - loss)) / Math.max(probes, 1));
}

function deviations(
  m: Omit<PathMeasurement, 'deviations'>,
  there: Path,
  back: Path,
  report: ProbeReport,
): string[] {
  const { promised, got } = m;
  if (!promised.up) return got.rttMs === null ? [] : ['the way is cut and yet something came back'];
  const found: string[] = [];
  const share = (value: number) => `${(value * 100).toFixed(2)}%`;
  const slack = RTT_TOLERANCE_MS + RTT_TOLERANCE_SHARE * promised.rttMs + there.jitterMs + back.jitterMs;
  if (got.rttMs === null && promised.loss < 1 && promised.lossBack < 1) found.push('nothing came back');
  if (got.rttMs !== null && Math.abs(got.rttMs.median - promised.rttMs) > slack) {
    found.push(`round trip ${got.rttMs.median} ms, promised ${promised.rttMs} ms`);
  }
  if (Math.abs(got.loss - promised.loss) > lossTolerance(promised.loss, report.sent)) {
    found.push(`loss ${share(got.loss)}, promised ${share(promised.loss)}`);
  }
  if (Math.abs(got.lossBack - promised.lossBack) > lossTolerance(promised.lossBack, report.remoteReceived)) {
    found.push(`loss on the way back ${share(got.lossBack)}, promised ${share(promised.lossBack)}`);
  }
  // One TCP flow fills a way only where nothing is lost or overtaken.
  const clean = [there, back].every((path) => path.loss === 0 && path.reorder === 0 && path.jitterMs === 0);
  if (clean && got.rateBps !== null && promised.rateBps !== null) {
    const off = Math.abs(got.rateBps / promised.rateBps - 1);
    if (off > RATE_TOLERANCE_SHARE)
      found.push(`rate ${got.rateBps} bit/s, promised ${promised.rateBps} bit/s`);
  }
  return found;
}
