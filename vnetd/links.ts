/** The host's links: opened in the data plane, ordered into edges, their state as last reported. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { DataPlane, LinkConfig, LinkState, LinkType, LinkView, PlaneEvent } from '../core/index.js';
import { isPrivateAddress } from './private-address.js';
import { edgeName, type PlaneIds } from './plane-ids.js';

export interface LinkTimers {
  keepAliveMs: number;
  deadAfterMs: number;
  backoffCapMs: number;
}

export const DEFAULT_LINK_TIMERS: LinkTimers = { keepAliveMs: 200, deadAfterMs: 800, backoffCapMs: 1000 };
/** A name that did not resolve is asked for again after this. */
const RESOLVE_RETRY_MS = 1000;

interface OpenLink {
  config: LinkConfig;
  id: number;
  /** False while its peer's name is being resolved or its address is refused. */
  inPlane: boolean;
  up: boolean;
  state: string;
  remote: string;
  rttUs: number;
  retry?: NodeJS.Timeout;
}

/** A link by the data plane's number. */
export interface NumberedLink {
  link: number;
  /** LinkConfig's. */
  id: string;
  peer: string;
  type: LinkType;
  up: boolean;
}

export interface LinksOptions {
  host: string;
  plane: DataPlane;
  ids: PlaneIds;
  timers: LinkTimers;
  /** Dial addresses that are not private, though nothing is sealed yet. */
  insecure: boolean;
}

export class Links {
  readonly #options: LinksOptions;
  readonly #links = new Map<string, OpenLink>();

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /** Adds, or replaces one that changed; a changed owner, preference or reservation keeps the link standing. */
  open(config: LinkConfig): void {
    const known = this.#links.get(config.id);
    if (known && sameLink(known.config, config)) {
      known.config = config;
    } else {
      if (known) this.#drop(known);
      const link: OpenLink = {
        config,
        id: this.#options.ids.of(`link ${config.id}`),
        inPlane: false,
        up: false,
        state: config.dial ? 'connecting' : `waits for ${config.peer} to dial`,
        remote: '',
        rttUs: 0,
      };
      this.#links.set(config.id, link);
      this.#start(link);
    }
    this.#order(config.peer);
  }

  close(id: string): void {
    const link = this.#links.get(id);
    if (!link) return;
    this.#links.delete(id);
    this.#order(link.config.peer);
    this.#drop(link);
  }

  /** Asks for no more names; links close with the plane. */
  stop(): void {
    for (const link of this.#links.values()) clearTimeout(link.retry);
    this.#links.clear();
  }

  /** Empty until it was up for the first time. */
  remoteOf(id: string): string | undefined {
    return this.#links.get(id)?.remote || undefined;
  }

  isUp(peer: string): boolean {
    return [...this.#links.values()].some((link) => link.config.peer === peer && link.up);
  }

  /** Those that the data plane knows. */
  numbered(): NumberedLink[] {
    return [...this.#links.values()]
      .filter((link) => link.inPlane)
      .map(({ id, up, config: { id: name, peer, type } }) => ({ link: id, id: name, peer, type, up }));
  }

  /** Takes in an event; undefined: a link that is closed already. */
  report(event: Extract<PlaneEvent, { kind: 'link' }>): { config: LinkConfig } | undefined {
    for (const link of this.#links.values()) {
      if (link.id !== event.link) continue;
      link.up = event.up;
      link.state = event.up ? 'up' : event.reason;
      link.remote = event.remote || link.remote;
      if (event.rttUs > 0) link.rttUs = event.rttUs;
      return { config: link.config };
    }
    return undefined;
  }

  views(counters: LinkState[]): LinkView[] {
    const byId = new Map(counters.map((row) => [row.id, row]));
    return [...this.#links.values()].map((link) => {
      const row = byId.get(link.id);
      const { id, peer, type, owner, preference } = link.config;
      return {
        id,
        peer,
        type,
        owner,
        up: link.up,
        state: link.state,
        ...(link.remote ? { remote: link.remote } : {}),
        preference,
        rttUs: row?.rttUs || link.rttUs,
        datagramBytes: row?.datagramBytes ?? 0,
        arrived: row?.arrived ?? 0,
        lost: row?.lost ?? 0,
        late: row?.late ?? 0,
        inFrames: row?.inFrames ?? 0,
        inBytes: row?.inBytes ?? 0,
        outFrames: row?.outFrames ?? 0,
        outBytes: row?.outBytes ?? 0,
        drops: row?.drops ?? 0,
      };
    });
  }

  #start(link: OpenLink): void {
    const dial = link.config.dial;
    if (!dial || isIP(dial.address)) return this.#openInPlane(link, dial?.address);
    // The peer may dial us before its name is known here, or where it is not known at all.
    this.#openInPlane(link, undefined);
    this.#resolve(link, dial.address);
  }

  #resolve(link: OpenLink, name: string): void {
    const isOurs = () => this.#links.get(link.config.id) === link;
    lookup(name).then(
      ({ address }) => {
        if (!isOurs()) return;
        if (link.up) {
          link.retry = setTimeout(() => this.#resolve(link, name), RESOLVE_RETRY_MS);
          return;
        }
        this.#options.plane.closeLink(link.id);
        link.inPlane = false;
        this.#order(link.config.peer);
        this.#openInPlane(link, address);
        this.#order(link.config.peer);
      },
      (cause: NodeJS.ErrnoException) => {
        if (!isOurs()) return;
        if (!link.up) link.state = `cannot resolve ${name} (${cause.code ?? cause.message})`;
        link.retry = setTimeout(() => this.#resolve(link, name), RESOLVE_RETRY_MS);
      },
    );
  }

  #openInPlane(link: OpenLink, address: string | undefined): void {
    const { host, plane, ids, timers, insecure } = this.#options;
    const { config } = link;
    if (address !== undefined && !insecure && !isPrivateAddress(address)) {
      link.state = `${address} is not private and links are not sealed yet: start vnetd with --insecure to use it`;
      return;
    }
    plane.openLink({
      link: link.id,
      edge: ids.of(edgeName(config.peer)),
      type: config.type,
      id: Buffer.from(config.id, 'hex'),
      secret: Buffer.from(config.secret, 'hex'),
      initiator: host < config.peer,
      ...(address !== undefined && config.dial ? { dial: { address, port: config.dial.port } } : {}),
      ...timers,
    });
    link.inPlane = true;
  }

  #drop(link: OpenLink): void {
    clearTimeout(link.retry);
    if (link.inPlane) this.#options.plane.closeLink(link.id);
    this.#options.ids.forget(`link ${link.config.id}`);
  }

  #order(peer: string): void {
    const links = [...this.#links.values()]
      .filter((link) => link.config.peer === peer && link.inPlane)
      .sort((a, b) => a.config.preference - b.config.preference)
      .map((link) => link.id);
    this.#options.plane.setEdge(this.#options.ids.of(edgeName(peer)), links);
  }
}

/** Whose it is, what it is reserved and in which order it is taken are not the data plane's link. */
function sameLink(a: LinkConfig, b: LinkConfig): boolean {
  const bare = (config: LinkConfig) => ({
    ...config,
    owner: 'auto',
    preference: 0,
    reservedBitsPerSecond: 0,
  });
  return JSON.stringify(bare(a)) === JSON.stringify(bare(b));
}
