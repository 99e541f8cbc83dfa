/** Daemons that come and go. */
import { type HostReport, type HostSession, VnetError } from '../core/index.js';
import type { Overlay } from './overlay.js';

const HOST_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/;

interface Newcomer {
  session: HostSession;
  report: HostReport;
  resolve(): void;
  reject(thrown: unknown): void;
}

export class Membership {
  readonly #overlay: Overlay;
  readonly #newcomers = new Map<string, Newcomer>();

  constructor(overlay: Overlay) {
    this.#overlay = overlay;
  }

  /**
   * Resolves when the host runs its part and the others know. Those who come at the same time are taken in
   * together. Rejects where the name cannot be right, or the host refuses its configuration or goes away.
   */
  attach(session: HostSession, report: HostReport): Promise<void> {
    const { host } = session;
    if (report.host !== host || !HOST_NAME.test(host)) {
      const error = new VnetError(
        'VNET_ERR_REFUSED',
        `a daemon that calls itself "${report.host}" cannot be host "${host}"`,
        {
          hint: 'start it with --name, letters, digits, dots and dashes',
        },
      );
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      const earlier = this.#newcomers.get(host);
      earlier?.reject(new VnetError('VNET_ERR_CLOSED', `host ${host} connected anew`));
      const first = this.#newcomers.size === 0;
      this.#newcomers.set(host, { session, report, resolve, reject });
      if (first) this.#overlay.enqueue(() => this.#admit()).catch(reject);
    });
  }

  detach(host: string): void {
    const newcomer = this.#newcomers.get(host);
    if (newcomer) {
      this.#newcomers.delete(host);
      newcomer.reject(
        new VnetError('VNET_ERR_UNREACHABLE', `host ${host} went away while it was connecting`),
      );
    }
    const member = this.#overlay.members.get(host);
    if (!member?.session) return;
    member.leave('its control channel closed');
    this.#overlay.announcePhases();
    this.#overlay.reconcile();
  }

  async #admit(): Promise<void> {
    const newcomers = [...this.#newcomers.values()];
    this.#newcomers.clear();
    try {
      const fresh = newcomers.filter((newcomer) => !this.#join(newcomer));
      // First what stands by itself; paths through the newcomers follow, as a change like any other.
      await this.#configure(fresh);
      await this.#overlay.transition();
      for (const newcomer of newcomers) newcomer.resolve();
    } catch (thrown) {
      for (const newcomer of newcomers) newcomer.reject(thrown);
    }
  }

  async #configure(fresh: readonly Newcomer[]): Promise<void> {
    const { intent, identities, members, options } = this.#overlay;
    const base = this.#overlay.lower(intent, this.#overlay.unusable(), identities);
    this.#overlay.identities = base.identities;
    await Promise.all(
      fresh.map(async (newcomer) => {
        const { host } = newcomer.session;
        const [member, config] = [members.get(host), base.configs.get(host)];
        if (!member || !config) return;
        member.presumed = false;
        const outcome = await member.configure(
          { ...config, revision: this.#overlay.nextRevision() },
          options.clock,
        );
        if (outcome.kind === 'done') return;
        member.leave('it did not take its configuration');
        this.#overlay.emit({ kind: 'error', host, error: outcome.error.toBody() });
        newcomer.reject(outcome.error);
      }),
    );
  }

  /** True: the host runs exactly what we believe it does. */
  #join({ session, report }: Newcomer): boolean {
    const { host } = session;
    const { registry, intent, options } = this.#overlay;
    const member = this.#overlay.memberOf(host);
    const named = host === options.name || intent.topology.hosts.some(({ name }) => name === host);
    if (!named && !registry.autoHosts.has(host)) {
      registry.addHost({ name: host });
      this.#overlay.saveRegistrySoon();
      options.log.info({ host }, 'a host that no script names has joined');
    }
    const before = member.session;
    if (before && before !== session) {
      member.leave('it connected anew');
      before.close();
    }
    const known =
      !member.stale && member.installed !== undefined && report.revision === member.installed.revision;
    member.session = session;
    member.stale = false;
    if (!known) member.installed = undefined;
    return known;
  }
}
