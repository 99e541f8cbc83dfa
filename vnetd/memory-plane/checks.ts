/** Configuration that cannot be right is refused before anything changes. */
import {
  DROP_REASON_COUNT,
  type FlowDelta,
  isGroup,
  type LinkType,
  macFromNumber,
  NOTE_BYTES_MAX,
  type PlaneEcho,
  type PlaneLink,
  type PlaneNetwork,
  type PlanePort,
  type PlaneTrain,
  RECORDS_PER_SECOND_MAX,
  TRAIN_PACKETS_MAX,
  VnetError,
} from '../../core/index.js';
import { ETHERNET_HEADER } from './frame.js';
import { LEAST_ECHO, LEAST_TRAIN_PACKET, MOST_TRAIN_NS } from './limits.js';

const UINT32 = 2 ** 32;
const MAC_LIMIT = 2 ** 48;
/** Smallest MTU that IPv4 allows a link (RFC 791). */
const LEAST_MTU = 68;
const MOST_MTU = 65_535;
const LINK_ID_BYTES = 8;
const SECRET_BYTES = 16;

export function checkNumber(what: string, value: number): void {
  must(isBelow(value, UINT32), `${what} ${value} is not an unsigned 32-bit number`);
}

export function checkMacs(macs: number[]): void {
  for (const mac of macs) must(isBelow(mac, MAC_LIMIT), `${mac} is not a 48-bit address`);
}

export function checkNetwork({ network, mtu, epoch, oldestEpoch }: PlaneNetwork): void {
  checkNumber('network', network);
  checkNumber('epoch', epoch);
  checkNumber('epoch', oldestEpoch);
  must(
    Number.isInteger(mtu) && mtu >= LEAST_MTU && mtu <= MOST_MTU,
    `MTU ${mtu} is not within ${LEAST_MTU} and ${MOST_MTU}`,
  );
  must(oldestEpoch <= epoch, `the oldest epoch ${oldestEpoch} is after the present one, ${epoch}`);
}

export function checkPort({ port, network, spec, macs }: PlanePort): void {
  checkNumber('port', port);
  checkNumber('network', network);
  checkMacs(macs);
  must(/^[a-z]+:.+$/.test(spec), `"${spec}" is not a port: write a kind and a name, as in memory:web0`);
}

export function checkLink({
  link,
  edge,
  id,
  secret,
  keepAliveMs,
  deadAfterMs,
  backoffCapMs,
}: PlaneLink): void {
  checkNumber('link', link);
  checkNumber('edge', edge);
  must(id.length === LINK_ID_BYTES, `a link's id has ${LINK_ID_BYTES} octets, not ${id.length}`);
  must(secret.length === SECRET_BYTES, `a link's secret has ${SECRET_BYTES} octets, not ${secret.length}`);
  must(keepAliveMs > 0 && deadAfterMs > keepAliveMs, 'a peer is dead after more than one keep-alive');
  must(backoffCapMs > 0, 'the back-off cap is above 0 ms');
}

export function checkDelta({ generation, invalidate, install }: FlowDelta): void {
  must(Number.isSafeInteger(generation) && generation >= 0, `generation ${generation} is not a count`);
  for (const { network, source, destination, port } of invalidate) {
    if (network !== undefined) checkNumber('network', network);
    if (port !== undefined) checkNumber('port', port);
    checkMacs([source ?? 0, destination ?? 0]);
  }
  for (const { network, ingress, source, destination, fromEpoch, toEpoch, actions } of install) {
    checkNumber('network', network);
    checkNumber('ingress', ingress);
    checkMacs([source, destination]);
    must(fromEpoch < toEpoch, `a flow holds in no epoch: [${fromEpoch}, ${toEpoch})`);
    must(actions.length > 0, 'a flow has no action');
    for (const action of actions) {
      if (action.kind !== 'drop') continue;
      must(action.reason > 0 && action.reason < DROP_REASON_COUNT, `${action.reason} is no drop reason`);
    }
  }
}

export function checkAgo(agoMs: number): void {
  must(Number.isFinite(agoMs) && agoMs >= 0, `${agoMs} ms is no time ago`);
}

export function checkSource(mac: number): void {
  checkMacs([mac]);
  must(!isGroup(macFromNumber(mac)), `${macFromNumber(mac)} is a group address`);
}

export function checkRate(recordsPerSecond: number): void {
  must(
    recordsPerSecond >= 0 && recordsPerSecond <= RECORDS_PER_SECOND_MAX,
    `${recordsPerSecond} records a second is not within 0 and ${RECORDS_PER_SECOND_MAX}`,
  );
}

export function checkTrain({ link, train, sizes, gapsNs }: PlaneTrain, type: LinkType): void {
  must(type === 'udp', `link ${link} is TCP: trains leave on UDP links only`);
  must(train > 0 && isBelow(train, UINT32), `train ${train} is not a number from 1 to 2^32 - 1`);
  must(
    sizes.length > 0 && sizes.length <= TRAIN_PACKETS_MAX,
    `${sizes.length} packets are not within 1 and ${TRAIN_PACKETS_MAX}`,
  );
  must(gapsNs.length === sizes.length - 1, `${sizes.length} packets have ${gapsNs.length} gaps`);
  for (const size of sizes) {
    must(isBelow(size, 2 ** 16) && size >= LEAST_TRAIN_PACKET, `a packet of ${size} octets cannot be sent`);
  }
  for (const gap of gapsNs) must(gap >= 0, `a gap of ${gap} ns cannot be kept`);
  const lastsNs = gapsNs.reduce((sum, gap) => sum + gap, 0);
  must(lastsNs <= MOST_TRAIN_NS, `a train of ${lastsNs} ns is longer than ${MOST_TRAIN_NS} ns`);
}

export function checkNote({ length }: Uint8Array): void {
  must(length <= NOTE_BYTES_MAX, `a note of ${length} octets is longer than ${NOTE_BYTES_MAX} octets`);
}

export function checkEcho({ echo, source, destination, bytes }: PlaneEcho, mtu: number): void {
  must(echo > 0 && isBelow(echo, UINT32), `echo ${echo} is not a number from 1 to 2^32 - 1`);
  const most = mtu + ETHERNET_HEADER;
  must(
    Number.isInteger(bytes) && bytes >= LEAST_ECHO && bytes <= most,
    `an echo of ${bytes} octets is not within ${LEAST_ECHO} and ${most}`,
  );
  checkMacs([source, destination]);
  for (const mac of [source, destination].map(macFromNumber))
    must(!isGroup(mac), `${mac} is a group address`);
}

function isBelow(value: number, limit: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < limit;
}

function must(holds: boolean, message: string): void {
  if (!holds)
    throw new VnetError('VNET_ERR_INVALID', message, { hint: 'correct the value; nothing was changed' });
}
