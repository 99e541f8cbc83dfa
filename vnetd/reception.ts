/** The Proxy's side of the control channels: which daemons are connected, and what they may ask and report. */
import type { FastifyBaseLogger } from 'fastify';
import { type HostReport, type OverlayEvent, systemClock, VnetError } from '../core/index.js';
import { BULK_KINDS, ChannelAcceptor, type ChannelPeer, type PeerHandlers } from './channel/index.js';
import { remoteSession } from './host-session.js';
import { VmIntake } from './machines/index.js';
import type { ProxyRole } from './proxy-role.js';
import { answerAuthorityCall, AUTHORITY_CALLS } from './remote-authority.js';
import { ReportIntake, soundEvent } from './sight/index.js';

export interface ReceptionOptions {
  /** The Proxy's own host. */
  host: string;
  role: ProxyRole;
  log: FastifyBaseLogger;
  listen: { address: string; port: number };
  token: string;
}

interface Guest {
  peer: ChannelPeer;
  /** Tells one that comes back from another of the same name. */
  instance: string;
}

export class Reception {
  readonly #options: ReceptionOptions;
  readonly #guests = new Map<string, Guest>();
  /** Channels of daemons at which somebody listens: events go to no others. */
  readonly #listening = new Set<ChannelPeer>();
  #acceptor: ChannelAcceptor | undefined;

  private constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  /** Rejects where the port cannot be had; see ChannelAcceptor. */
  static async open(options: ReceptionOptions): Promise<Reception> {
    const reception = new Reception(options);
    const { listen, token, log } = options;
    reception.#acceptor = await ChannelAcceptor.listen({
      ...listen,
      token,
      accept: (name, remote, peer) => {
        log.debug({ host: name, remote }, 'control channel');
        return reception.#handlers(name, peer);
      },
      onUp: (name) => log.info({ host: name }, 'a daemon opened its control channel'),
    });
    return reception;
  }

  broadcast(event: OverlayEvent): void {
    for (const peer of this.#listening) peer.notify('event', event);
  }

  close(): void {
    for (const { peer } of this.#guests.values()) peer.close('the Proxy stops');
    this.#acceptor?.close();
  }

  #handlers(host: string, peer: () => ChannelPeer): PeerHandlers {
    const { role } = this.#options;
    const intake = new ReportIntake({
      host,
      reports: role.reports,
      clock: systemClock,
    });
    const vms = new VmIntake({
      clock: systemClock,
      report: (report) => role.vmReport(host, report),
      refused: (what, error) => role.reports.refused(host, what, error),
    });
    const isGreeted = () => this.#guests.get(host)?.peer === peer();
    return {
      onCall: async (name, args, progress) => {
        if (name === 'hello')
          return this.#welcome(host, vms.greeting(args[0] as HostReport), {
            instance: String(args[1]),
            peer: peer(),
          });
        if ((AUTHORITY_CALLS as readonly string[]).includes(name))
          return answerAuthorityCall(role, name, args, progress);
        throw new VnetError('VNET_ERR_INVALID', `no such call: ${name}`);
      },
      onNotice: (name, body) => {
        if (name === 'event' && isGreeted()) this.#event(host, body);
        else if (name === 'underlay' && isGreeted()) intake.underlay(body);
        else if (name === 'load' && isGreeted()) intake.load(body);
        else if (name === 'vm' && isGreeted()) vms.report(body);
        else if (name === 'listen' && body === true) this.#listening.add(peer());
        else if (name === 'listen') this.#listening.delete(peer());
      },
      onBulk: (kind, bytes, length) => {
        if (kind === BULK_KINDS.traffic && isGreeted()) intake.traffic(bytes, length);
      },
    };
  }

  #event(host: string, body: unknown): void {
    const { role } = this.#options;
    const event = soundEvent(body, host);
    if (event) role.reportEvent(host, event);
    else role.reports.refused(host, 'event', new VnetError('VNET_ERR_INVALID', 'it makes no sense'));
  }

  #welcome(host: string, report: HostReport, { instance, peer }: Guest): { proxy: string } {
    const { role, log, host: proxy } = this.#options;
    const before = this.#guests.get(host);
    const isProxy = host === proxy || report.host !== host;
    if (isProxy || (before?.peer.open && before.instance !== instance)) {
      const holder = isProxy ? 'the Proxy itself' : 'another daemon, which is connected';
      throw new VnetError('VNET_ERR_REFUSED', `the name ${host} is taken by ${holder}`, {
        hint: 'start the daemon with another --name',
      });
    }
    this.#guests.set(host, { peer, instance });
    // A daemon that dials anew has lost its old channel, whatever we still believe of it.
    before?.peer.close('replaced by a newer channel of the same host');
    peer.onClose = (reason) => {
      this.#listening.delete(peer);
      if (this.#guests.get(host)?.peer !== peer) return;
      this.#guests.delete(host);
      log.warn({ host, reason }, 'a daemon is gone');
      role.detach(host);
    };
    // After the answer, so that the daemon knows the Proxy's name before its first configuration.
    setImmediate(() => {
      role.attach(remoteSession(host, proxy, peer), report).catch((thrown) => {
        log.error({ host, err: thrown }, 'cannot configure a daemon');
        peer.close(VnetError.from(thrown).message.slice(0, 100));
      });
    });
    return { proxy };
  }
}
