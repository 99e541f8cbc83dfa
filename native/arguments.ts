/** What the user plane refuses before the addon sees it. */
import {
  isGroup,
  macFromNumber,
  NOTE_BYTES_MAX,
  type PlaneEcho,
  type PlaneLink,
  type PlaneNetwork,
  type PlaneTrain,
  RECORDS_PER_SECOND_MAX,
  TRAIN_PACKETS_MAX,
  VnetError,
} from '../core/index.js';

export const MAX_ID = 2 ** 32 - 1;
const MAX_MAC = 2 ** 48 - 1;
const LEAST_MTU = 576;
const MOST_MTU = 65_000;
/** Octets: IPv4 and UDP headers, ours, and a train's place. */
const LEAST_TRAIN_PACKET = 64;
const MOST_TRAIN_PACKET = 65_535;
/** Nanoseconds that the gaps of a train may last together. */
const MOST_TRAIN_NS = 1e9;
/** Octets of an Ethernet frame without its check sequence. */
const LEAST_ECHO = 60;
const ETHERNET_HEADER = 14;

export function check(good: boolean, what: string, hint?: string): void {
  if (!good) throw new VnetError('VNET_ERR_INVALID', what, hint === undefined ? {} : { hint });
}

export function checkNumber(value: number, name: string, most: number, least = 0): void {
  check(
    Number.isInteger(value) && value >= least && value <= most,
    `${name} is ${String(value)}, not a whole number from ${least} to ${most}`,
  );
}

export function checkMacs(macs: number[]): void {
  for (const mac of macs) checkNumber(mac, 'a MAC address', MAX_MAC);
}

export function checkAgo(agoMs: number): void {
  check(Number.isFinite(agoMs) && agoMs >= 0, `${agoMs} ms is no time ago`);
}

export function checkSource(mac: number): void {
  checkMacs([mac]);
  check(
    !isGroup(macFromNumber(mac)),
    `${macFromNumber(mac)} is a group address`,
    'only one can be somewhere',
  );
}

export function checkNetwork({ network, mtu, epoch, oldestEpoch }: PlaneNetwork): void {
  checkNumber(network, 'network', MAX_ID);
  checkNumber(mtu, 'mtu', MOST_MTU, LEAST_MTU);
  checkNumber(epoch, 'epoch', MAX_ID);
  checkNumber(oldestEpoch, 'oldestEpoch', epoch);
}

export function checkLink(link: PlaneLink): void {
  checkNumber(link.link, 'link', MAX_ID);
  checkNumber(link.edge, 'edge', MAX_ID);
  check(link.type === 'udp' || link.type === 'tcp', `a link is udp or tcp, not ${String(link.type)}`);
  check(link.id.length === 8, `a link's id has 8 octets, not ${link.id.length}`);
  check(link.secret.length === 16, `a link's secret has 16 octets, not ${link.secret.length}`);
  if (link.dial) checkNumber(link.dial.port, 'the port', 65_535, 1);
  checkNumber(link.keepAliveMs, 'keepAliveMs', 3_600_000, 1);
  checkNumber(link.deadAfterMs, 'deadAfterMs', 3_600_000, 1);
  checkNumber(link.backoffCapMs, 'backoffCapMs', 3_600_000, 1);
}

export function checkRate(recordsPerSecond: number): void {
  check(
    recordsPerSecond >= 0 && recordsPerSecond <= RECORDS_PER_SECOND_MAX,
    `${recordsPerSecond} records a second is not within 0 and ${RECORDS_PER_SECOND_MAX}`,
  );
}

export function checkTrain({ train, sizes, gapsNs }: PlaneTrain): void {
  checkNumber(train, 'train', MAX_ID, 1);
  checkNumber(sizes.length, 'the number of packets', TRAIN_PACKETS_MAX, 1);
  check(gapsNs.length === sizes.length - 1, `${sizes.length} packets have ${gapsNs.length} gaps`);
  for (const size of sizes) checkNumber(size, "a packet's size", MOST_TRAIN_PACKET, LEAST_TRAIN_PACKET);
  for (const gap of gapsNs) check(gap >= 0 && gap <= MOST_TRAIN_NS, `a gap of ${gap} ns cannot be kept`);
  const lastsNs = gapsNs.reduce((sum, gap) => sum + gap, 0);
  check(lastsNs <= MOST_TRAIN_NS, `a train of ${lastsNs} ns is longer than ${MOST_TRAIN_NS} ns`);
}

export function checkNote(note: Uint8Array): void {
  const { length } = note;
  check(length <= NOTE_BYTES_MAX, `a note of ${length} octets is longer than ${NOTE_BYTES_MAX} octets`);
}

export function checkEcho({ echo, source, destination, bytes }: PlaneEcho, mtu: number): void {
  checkNumber(echo, 'echo', MAX_ID, 1);
  checkNumber(bytes, 'bytes', mtu + ETHERNET_HEADER, LEAST_ECHO);
  checkMacs([source, destination]);
  for (const mac of [source, destination].map(macFromNumber)) {
    check(!isGroup(mac), `${mac} is a group address`, 'an echo goes from one to one');
  }
}
