/** Configuration that cannot be right is refused before anything changes. */
import {
  DROP_REASON_COUNT,
  type FlowDelta,
  type PlaneLink,
  type PlaneNetwork,
  type PlanePort,
  VnetError,
} from '../../core/index.js';

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
  for (const { network, source, destination } of invalidate) {
    if (network !== undefined) checkNumber('network', network);
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

function isBelow(value: number, limit: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < limit;
}

function must(holds: boolean, message: string): void {
  if (!holds)
    throw new VnetError('VNET_ERR_INVALID', message, { hint: 'correct the value; nothing was changed' });
}
