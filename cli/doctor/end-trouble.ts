/** What is wrong at the two ends: VMs, their hosts and ports. */
import type { End, PairObservation } from './observation.js';
import type { Finding } from './finding.js';

/** Drop rate at a VM's port that is worth a word, frames a second. */
const PORT_DROPS_PER_SECOND_MIN = 1;

export function endTrouble(seen: PairObservation): Finding[] {
  return [seen.from, seen.to].flatMap((end) => [
    ...unknownVm(end),
    ...refusedSource(end),
    ...hostAway(end),
    ...portTrouble(end),
    ...guardDrops(end, seen.overMs),
    ...silentVm(end, seen),
  ]);
}

function unknownVm({ text, vm, near, refusedAt }: End): Finding[] {
  if (vm || refusedAt.length > 0) return [];
  return [
    {
      kind: 'unknown-vm',
      weight: 100,
      where: text,
      text: `nobody registered ${text}, and no LAN port has seen it`,
      ...(near === undefined ? {} : { evidence: `the nearest name is ${near}` }),
      next: near === undefined ? 'vnet vms' : `vnet vms | grep ${near}`,
    },
  ];
}

function refusedSource({ text, vm, refusedAt }: End): Finding[] {
  return refusedAt.map(({ host, port, mac }) => ({
    kind: 'refused-source',
    weight: 98,
    where: vm?.name ?? text,
    text: `the port ${port} on ${host} refuses what ${mac} sends: it is not registered there`,
    next: `vnet vm add ${vm?.name ?? 'NAME'} on ${host} mac ${mac} port ${port}`,
  }));
}

function hostAway({ vm, phase }: End): Finding[] {
  if (!vm || phase === undefined || phase === 'ready') return [];
  return [
    {
      kind: 'host-away',
      weight: 95,
      where: vm.host,
      text: `${vm.name} is on ${vm.host}, which is ${phase}`,
      evidence:
        phase === 'away' ? 'its daemon has no control channel to the Proxy' : 'it has not got its part yet',
      next: phase === 'away' ? `ssh ${vm.host} vnet doctor` : 'vnet events --kind host',
    },
  ];
}

function portTrouble({ vm, port, phase }: End): Finding[] {
  if (!vm || phase !== 'ready') return [];
  if (vm.port === undefined)
    return [
      {
        kind: 'port-missing',
        weight: 92,
        where: vm.name,
        text: `${vm.name} has no port on ${vm.host}`,
        next: `vnet vm add ${vm.name} on ${vm.host} mac ${vm.macs[0] ?? 'MAC'} port tap:NAME`,
      },
    ];
  if (!port || port.up) return [];
  return [
    {
      kind: 'port-down',
      weight: 92,
      where: vm.name,
      text: `the port ${port.port} of ${vm.name} on ${vm.host} is down`,
      evidence: port.state,
      next: `vnet ports --host ${vm.host}`,
    },
  ];
}

/** A guest that sends from other addresses: only from them, or as well, as bridges and containers inside it do. */
function guardDrops({ vm, port, portDrops = 0, sentFrames }: End, overMs: number): Finding[] {
  const [mac] = port?.refused ?? [];
  if (!vm || !port || mac === undefined) return [];
  const instead = sentFrames === 0 && portDrops > 0;
  const often = (portDrops * 1000) / overMs >= PORT_DROPS_PER_SECOND_MIN;
  return [
    {
      kind: 'guard-drops',
      weight: instead ? 91 : often ? 60 : 36,
      where: vm.name,
      text: instead
        ? `${vm.name} sends from ${mac}, and its port ${port.port} admits ${vm.macs.join(', ')} only`
        : `the port ${port.port} of ${vm.name} ${often ? 'refuses' : 'has refused'} frames from addresses that are not registered there`,
      evidence: `${portDrops} drops just now, the newest stranger is ${mac}`,
      next: `vnet vm add ${vm.name}${instead ? '' : '-2'} on ${vm.host} mac ${mac} port ${port.port}`,
    },
  ];
}

function silentVm({ vm, port, sentFrames }: End, { echoes }: PairObservation): Finding[] {
  if (!vm || !port?.up || port.inFrames > 0 || sentFrames !== 0) return [];
  const device = /^(?:tap|packet|bridge):(.+)$/.exec(port.port)?.[1];
  return [
    {
      kind: 'silent-vm',
      weight: echoes && echoes.small.answered > 0 ? 64 : 50,
      where: vm.name,
      text: `${vm.name} has never sent a frame: the guest, or its end of ${port.port}, is not up`,
      evidence: `${port.port} on ${vm.host} is up and has counted nothing`,
      next: device === undefined ? `vnet ports --host ${vm.host}` : `ssh ${vm.host} tcpdump -eni ${device}`,
    },
  ];
}
