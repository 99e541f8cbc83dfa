/** What is wrong at the hosts on the way. */
import { count, percent } from '../format.js';
import type { Finding } from './finding.js';
import type { HostOnPath, PairObservation } from './observation.js';

/** Of one CPU: above it the daemon is what limits, near it soon. */
const CPU_FULL = 0.9;
const CPU_HIGH = 0.7;
/** Decisions wait this long for the event loop: new flows and changes are slow, what flows already is not. */
const EVENT_LOOP_LATE_MS = 200;

/** Queues that overflow, by drop reason: in front of a decision, a device, a socket, while frames are joined. */
const QUEUE_REASONS = new Set([
  'missQueue',
  'missTimeout',
  'portQueue',
  'linkQueue',
  'joinLimit',
  'joinTimeout',
]);

export function hostTrouble(seen: PairObservation): Finding[] {
  return seen.hosts.flatMap((host) => [
    ...silent(host, seen),
    ...busy(host),
    ...queues(host, seen.overMs),
    ...guards(host, seen),
  ]);
}

/** Fewer drops are a hiccup. */
const QUEUE_DROPS_PER_SECOND_MIN = 5;

/** A host in the middle; the ends' own hosts are told of with the VMs. */
function silent({ host, answered, phase }: HostOnPath, { from, to }: PairObservation): Finding[] {
  if (answered || (phase === 'away' && [from.vm?.host, to.vm?.host].includes(host))) return [];
  return [
    {
      kind: 'host-silent',
      weight: 66,
      where: host,
      text: `the daemon on ${host} does not answer the Proxy`,
      ...(phase === undefined ? {} : { evidence: `the Proxy has it as ${phase}` }),
      next: `ssh ${host} vnet doctor`,
    },
  ];
}

function busy({ host, cpuShare = 0, eventLoopDelayP99Ms = 0 }: HostOnPath): Finding[] {
  if (cpuShare < CPU_HIGH)
    return eventLoopDelayP99Ms < EVENT_LOOP_LATE_MS ? [] : [late(host, eventLoopDelayP99Ms)];
  return [
    {
      kind: 'busy-cpu',
      weight: cpuShare >= CPU_FULL ? 74 : 46,
      where: host,
      text: `the daemon on ${host} ${cpuShare >= CPU_FULL ? 'has no CPU left' : 'is short of CPU'}`,
      evidence: `${percent(cpuShare)} of a CPU, its event loop is ${Math.round(eventLoopDelayP99Ms)} ms late`,
      next: `ssh ${host} top -H -p $(pidof vnetd)`,
    },
  ];
}

const late = (host: string, delayMs: number): Finding => ({
  kind: 'busy-cpu',
  weight: 44,
  where: host,
  text: `the daemon on ${host} is late: first frames of new pairs wait for it`,
  evidence: `its event loop is ${Math.round(delayMs)} ms late, although it takes little CPU`,
  next: `ssh ${host} top`,
});

function queues({ host, drops }: HostOnPath, overMs: number): Finding[] {
  const full = drops.filter(([reason]) => QUEUE_REASONS.has(reason));
  const perSecond = (full.reduce((sum, [, frames]) => sum + frames, 0) * 1000) / overMs;
  if (perSecond < QUEUE_DROPS_PER_SECOND_MIN) return [];
  return [
    {
      kind: 'queue-drops',
      weight: 55,
      where: host,
      text: `queues overflow on ${host}`,
      evidence: `${full.map(([reason, frames]) => `${reason} ${count(frames)}`).join(', ')} in ${Math.round(overMs)} ms`,
      next: `vnet status --host ${host}`,
    },
  ];
}

/** Refusals of a host as a whole, where no port of the two VMs explains them. */
function guards({ host, drops }: HostOnPath, { from, to }: PairObservation): Finding[] {
  const refused = drops.find(([reason]) => reason === 'guard');
  const explained = [from, to].some((end) => end.vm?.host === host && (end.port?.refused.length ?? 0) > 0);
  if (!refused || explained) return [];
  return [
    {
      kind: 'guard-drops',
      weight: 35,
      where: host,
      text: `ports on ${host} refuse frames of unregistered addresses`,
      evidence: `${count(refused[1])} meanwhile`,
      next: `vnet vms --host ${host}`,
    },
  ];
}
