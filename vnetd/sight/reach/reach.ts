/** The underlay between this host and others, with or without a link: does it answer, how fast, what fits. */
import { isIP } from 'node:net';
import { type Clock, type ReachRequest, type ReachResult, VnetError } from '../../../core/index.js';
import type { Family } from './icmp.js';
import { PATH_MTU_SIZES, type ProbeOutcome, searchPathMtu } from './path-mtu.js';
import { Pinger, type PingOutcome } from './pinger.js';

/** Of one request. */
export const REACH_ADDRESSES_MAX = 64;
/** With it and all tries below, an answer comes before the control channel gives up on the call. */
export const REACH_TIMEOUT_MAX_MS = 1000;
/** Requests at once: each is a raw socket that sees the host's ICMP. */
const REQUESTS_MAX = 4;
/** The round trip is the least of so many; one of them lost is no news. */
const ECHOES = 3;
const ECHO_PACKET_BYTES = 84;
/** A size is too large when so many of it are lost. */
const TRIES = 2;
/** Once the round trip is known, this many of them are waited for. */
const RTTS_WAITED = 4;
const WAIT_MIN_MS = 100;

export class Reachability {
  readonly #clock: Clock;
  #underWay = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One result an address, in the order asked. @throws VNET_ERR_INVALID, VNET_ERR_LIMIT */
  async ask(request: ReachRequest): Promise<ReachResult[]> {
    checkReachRequest(request);
    if (this.#underWay >= REQUESTS_MAX) {
      throw new VnetError('VNET_ERR_LIMIT', `${REQUESTS_MAX} reachability requests are under way already`, {
        hint: 'wait until one ends',
      });
    }
    this.#underWay++;
    const pingers = new Map<Family, Promise<Pinger>>();
    try {
      return await Promise.all(
        request.addresses.map((address) => this.#one(pingers, address, request.timeoutMs)),
      );
    } finally {
      this.#underWay--;
      for (const opening of pingers.values()) opening.then((pinger) => pinger.close()).catch(() => {}); // Said in the results.
    }
  }

  async #one(
    pingers: Map<Family, Promise<Pinger>>,
    address: string,
    timeoutMs: number,
  ): Promise<ReachResult> {
    const family = isIP(address) as Family;
    const opening = pingers.get(family) ?? Pinger.open(family, this.#clock);
    pingers.set(family, opening);
    try {
      return await reachOne(await opening, address, timeoutMs);
    } catch (thrown) {
      return { address, reachable: false, reason: explain(VnetError.from(thrown)) };
    }
  }
}

async function reachOne(pinger: Pinger, address: string, timeoutMs: number): Promise<ReachResult> {
  const echoes: PingOutcome[] = [];
  for (let tried = 0; tried < ECHOES; tried++) {
    echoes.push(await pinger.ping(address, ECHO_PACKET_BYTES, waitFor(echoes, timeoutMs)));
    if (echoes.at(-1)?.kind === 'failed') break;
  }
  const rtts = roundTrips(echoes);
  if (rtts.length === 0) return { address, reachable: false, reason: reasonOf(echoes) };
  const pathMtuBytes = await searchPathMtu(PATH_MTU_SIZES, (bytes) =>
    tryASize(() => pinger.ping(address, bytes, waitFor(echoes, timeoutMs))),
  );
  return {
    address,
    reachable: true,
    rttUs: Math.min(...rtts),
    ...(pathMtuBytes === undefined ? {} : { pathMtuBytes }),
  };
}

async function tryASize(ping: () => Promise<PingOutcome>): Promise<ProbeOutcome> {
  for (let tried = 0; tried < TRIES; tried++) {
    const outcome = await ping();
    if (outcome.kind === 'through' || outcome.kind === 'tooBig') return outcome;
  }
  return { kind: 'lost' };
}

function roundTrips(echoes: PingOutcome[]): number[] {
  return echoes.flatMap((echo) => (echo.kind === 'through' ? [echo.rttUs] : []));
}

function waitFor(echoes: PingOutcome[], timeoutMs: number): number {
  const rtts = roundTrips(echoes);
  if (rtts.length === 0) return timeoutMs;
  return Math.min(timeoutMs, Math.max(WAIT_MIN_MS, (RTTS_WAITED * Math.max(...rtts)) / 1000));
}

function reasonOf(echoes: PingOutcome[]): string {
  const failed = echoes.find((echo) => echo.kind === 'failed');
  return failed?.kind === 'failed' ? failed.reason : 'no answer';
}

function explain({ message, hint }: VnetError): string {
  return hint === undefined ? message : `${message}: ${hint}`;
}

function checkReachRequest({ addresses, timeoutMs }: ReachRequest): void {
  const wrong = (message: string, hint: string) => new VnetError('VNET_ERR_INVALID', message, { hint });
  if (!Array.isArray(addresses) || addresses.length > REACH_ADDRESSES_MAX)
    throw wrong('a list of addresses is asked for', `give at most ${REACH_ADDRESSES_MAX}`);
  const odd = addresses.find((address) => typeof address !== 'string' || isIP(address) === 0);
  if (odd !== undefined) throw wrong(`${odd} is no IP address`, 'give addresses, not names');
  if (!(timeoutMs >= 1 && timeoutMs <= REACH_TIMEOUT_MAX_MS))
    throw wrong(`a time-out of ${timeoutMs} ms`, `give 1 to ${REACH_TIMEOUT_MAX_MS} ms`);
}
