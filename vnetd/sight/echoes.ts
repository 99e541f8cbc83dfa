/** Overlay pings: sends the echoes of a request on a grid and gathers what comes back (core/data-plane, PlaneEcho). */
import {
  type Clock,
  ECHO_DURATION_MAX_MS,
  type EchoRequest,
  type EchoResult,
  ECHOES_MAX,
  macToNumber,
  type PlaneEcho,
  type PlaneEvent,
  VnetError,
} from '../../core/index.js';

/** Requests carried out at once. */
export const ECHO_REQUESTS_MAX = 16;
const ECHO_NUMBER_MAX = 0xffffffff;

export interface EchoesOptions {
  clock: Clock;
  send(echo: PlaneEcho): void;
  /** The data plane's number of a port of this network that is open; undefined: there is none. */
  portOf(network: number, port: string): number | undefined;
}

interface Waiting {
  rttUs: (number | null)[];
  hops: number | undefined;
  unanswered: number;
  /** Numbers of its echoes that are still awaited, to where in `rttUs` they belong. */
  places: Map<number, number>;
  cancels: Set<() => void>;
  resolve(result: EchoResult): void;
  reject(error: VnetError): void;
}

export class Echoes {
  readonly #options: EchoesOptions;
  readonly #requests = new Set<Waiting>();
  readonly #byNumber = new Map<number, Waiting>();
  #next = 1;

  constructor(options: EchoesOptions) {
    this.#options = options;
  }

  /**
   * Resolves when all are answered or given up.
   * @throws VNET_ERR_INVALID, VNET_ERR_NOT_FOUND for a port that is not open here, VNET_ERR_LIMIT
   */
  run(request: EchoRequest): Promise<EchoResult> {
    return new Promise((resolve, reject) => {
      checkEchoRequest(request);
      const port = this.#options.portOf(request.network, request.port);
      if (port === undefined) throw noPort(request);
      if (this.#requests.size >= ECHO_REQUESTS_MAX) throw tooMany();
      const waiting: Waiting = {
        rttUs: Array.from({ length: request.count }, () => null),
        hops: undefined,
        unanswered: request.count,
        places: new Map(),
        cancels: new Set(),
        resolve,
        reject,
      };
      this.#requests.add(waiting);
      this.#send(waiting, request, { port, place: 0, startMs: this.#options.clock.now() });
    });
  }

  answered({ echo, rttUs, hops }: Extract<PlaneEvent, { kind: 'echo' }>): void {
    const waiting = this.#byNumber.get(echo);
    const place = waiting?.places.get(echo);
    if (!waiting || place === undefined) return; // Given up already.
    waiting.rttUs[place] = rttUs;
    waiting.hops = hops;
    this.#settle(waiting, echo);
  }

  /** What is under way is rejected. */
  close(): void {
    for (const waiting of this.#requests)
      this.#end(waiting, () => waiting.reject(new VnetError('VNET_ERR_CLOSED', 'the daemon stops')));
  }

  #send(
    waiting: Waiting,
    request: EchoRequest,
    { port, place, startMs }: { port: number; place: number; startMs: number },
  ): void {
    const { clock, send } = this.#options;
    const { source, destination, bytes, count, intervalMs, timeoutMs } = request;
    const echo = this.#number();
    waiting.places.set(echo, place);
    this.#byNumber.set(echo, waiting);
    this.#later(waiting, timeoutMs, () => this.#settle(waiting, echo));
    try {
      send({ echo, port, source: macToNumber(source), destination: macToNumber(destination), bytes });
    } catch (thrown) {
      return this.#end(waiting, () => waiting.reject(VnetError.from(thrown)));
    }
    const next = place + 1;
    if (next === count) return;
    this.#later(waiting, Math.max(0, startMs + next * intervalMs - clock.now()), () =>
      this.#send(waiting, request, { port, place: next, startMs }),
    );
  }

  #later(waiting: Waiting, delayMs: number, callback: () => void): void {
    const cancel = this.#options.clock.after(delayMs, () => {
      waiting.cancels.delete(cancel);
      callback();
    });
    waiting.cancels.add(cancel);
  }

  #settle(waiting: Waiting, echo: number): void {
    if (!waiting.places.delete(echo)) return;
    this.#byNumber.delete(echo);
    if (--waiting.unanswered > 0) return;
    const { rttUs, hops } = waiting;
    this.#end(waiting, () => waiting.resolve({ rttUs, ...(hops === undefined ? {} : { hops }) }));
  }

  #end(waiting: Waiting, answer: () => void): void {
    for (const cancel of waiting.cancels) cancel();
    for (const echo of waiting.places.keys()) this.#byNumber.delete(echo);
    this.#requests.delete(waiting);
    answer();
  }

  #number(): number {
    while (this.#byNumber.has(this.#next)) this.#next = (this.#next % ECHO_NUMBER_MAX) + 1;
    const number = this.#next;
    this.#next = (number % ECHO_NUMBER_MAX) + 1;
    return number;
  }
}

function checkEchoRequest({ count, bytes, intervalMs, timeoutMs }: EchoRequest): void {
  const wrong = (message: string, hint: string) => new VnetError('VNET_ERR_INVALID', message, { hint });
  if (!Number.isInteger(count) || count < 1 || count > ECHOES_MAX)
    throw wrong(`${count} echoes cannot be asked for at once`, `ask for 1 to ${ECHOES_MAX}`);
  if (!Number.isInteger(bytes)) throw wrong(`${bytes} is no frame's size`, 'give whole octets');
  if (!(intervalMs >= 1) || !(timeoutMs >= 1))
    throw wrong('an interval or time-out below 1 ms', 'give 1 ms or more');
  if ((count - 1) * intervalMs + timeoutMs > ECHO_DURATION_MAX_MS) {
    throw wrong(
      `${count} echoes every ${intervalMs} ms take longer than ${ECHO_DURATION_MAX_MS / 1000} s`,
      'ask for fewer at once, or for a shorter interval or time-out',
    );
  }
}

function noPort({ port }: EchoRequest): VnetError {
  return new VnetError('VNET_ERR_NOT_FOUND', `port ${port} is not open in that network here`, {
    hint: '`vnet status` shows the ports of a host and why one is down',
  });
}

function tooMany(): VnetError {
  return new VnetError('VNET_ERR_LIMIT', `${ECHO_REQUESTS_MAX} echo requests are under way already`, {
    hint: 'wait until one ends',
  });
}
