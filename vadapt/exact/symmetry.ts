/** Hosts that can be exchanged without any difference: of those that are empty only the first need be tried. */
import type { Instance } from '../model/instance.js';

/** By host: the first host that it can be exchanged with, or itself. */
export function exchangeable(instance: Instance): Int32Array {
  const first = Int32Array.from({ length: instance.hosts }, (_, host) => host);
  if (instance.sharedCapacity.length > 0) return first;
  for (let host = 1; host < instance.hosts; host++) {
    for (let other = 0; other < host; other++) {
      if (first[other] !== other || !alike(instance, other, host)) continue;
      first[host] = other;
      break;
    }
  }
  return first;
}

function alike(instance: Instance, a: number, b: number): boolean {
  const { hosts, vms, allowed, presentHost, hostCpus, hostMemory, relays } = instance;
  if (hostCpus[a] !== hostCpus[b] || hostMemory[a] !== hostMemory[b] || relays[a] !== relays[b]) return false;
  for (let vm = 0; vm < vms; vm++) {
    if (allowed[vm * hosts + a] !== allowed[vm * hosts + b]) return false;
    if (presentHost[vm] === a || presentHost[vm] === b) return false;
  }
  for (let host = 0; host < hosts; host++) {
    const other = host === a ? b : host === b ? a : host;
    if (!sameEdge(instance, a * hosts + host, b * hosts + other)) return false;
    if (!sameEdge(instance, host * hosts + a, other * hosts + b)) return false;
  }
  return true;
}

function sameEdge({ bandwidth, latency, linked }: Instance, a: number, b: number): boolean {
  return bandwidth[a] === bandwidth[b] && latency[a] === latency[b] && linked[a] === linked[b];
}
