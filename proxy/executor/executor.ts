/**
 * Carries a lowered topology out on the connected hosts, so that every frame follows the old paths or the new.
 *
 *   settle    lower; hosts that are away and whose part changes become pending; lower again without them
 *   journal   what happens is written down: before the first step where epochs move, meanwhile where a crash
 *             would leave no more than hosts of before and after, which get along
 *   prepare   links, ports, networks and rules of the next epoch are added everywhere, in parallel
 *   wait      for new links of the new paths to come up, within a limit: what does not is for the ground
 *   switch    the next epoch is stamped at ingress everywhere                     (only where paths need it)
 *   commit    whoever asked writes the intent: from here the change stands
 *   clean     what is not wanted goes, once frames of the old epoch are gone      (in the background)
 *
 * One `run` at a time: the caller queues them. A host that is lost in the middle becomes pending and the change
 * goes on without it; a host that refuses its step makes the steps of the others undone, last first.
 */
import { type ChangeProgress, type Clock, type HostConfig, VnetError } from '../../core/index.js';
import type { Lowered } from '../lowering/index.js';
import { finalConfig, preparedConfig, switchedConfig, unswitchedConfig } from './config-steps.js';
import type { Member } from './member.js';
import { type LinkEnd, linksOfPaths, newsOf } from './new-links.js';
import { networksToSwitch, type PartChange } from './switching.js';

/** Frames of an epoch are off the links this long after the next one is stamped everywhere. */
export const DRAIN_MS = 50;

export interface ExecutorOptions {
  clock: Clock;
  members: ReadonlyMap<string, Member>;
  /** By network identifier: what ingress stamps. Moved on by a switch. */
  epochs: Map<number, number>;
  nextRevision(): number;
  /** A host was lost in the middle of a step. */
  onLost(host: string, error: VnetError): void;
  /** These ends are about to be made, or made anew. */
  onMake(ends: readonly LinkEnd[]): void;
  /** Resolves when both ends of these links say that they are up, or when it has taken too long. */
  whenUp(ends: readonly LinkEnd[]): Promise<void>;
  /** Asks for `clean` to be called in the queue, once the drain is over. */
  cleanLater(delayMs: number): void;
}

export interface Job {
  /** Pure but for new link identities, which stay the same from call to call. */
  lower(unusable: ReadonlySet<string>): Lowered;
  /** With a switch the first step waits for it, without one the commit does. */
  journal(hosts: string[], switching: boolean): Promise<void>;
  /** The hosts run it. A rejection undoes it. `pending`: hosts that did not get their part. */
  commit(lowered: Lowered, pending: string[]): Promise<void>;
  /** So much that hosts and people should be heard between its parts. */
  isLarge?: boolean;
  progress?: ((progress: ChangeProgress) => void) | undefined;
  /** Nobody asked for it: a host that refuses is dropped (it comes back and is configured whole), not obeyed. */
  internal?: boolean;
}

interface Goal {
  lowered: Lowered;
  switching: Set<number>;
  /** Known to run something else than their part. */
  changing: Set<Member>;
  unusable: Set<string>;
}

export class Executor {
  readonly #options: ExecutorOptions;
  /** When the drain of the last switch ends, while cleaning is due. */
  #drainedAt: number | undefined;
  /** As they should be, of the last job that stands. */
  #targets: ReadonlyMap<string, HostConfig> = new Map();

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  /** Rejects with the error of the host that refused, named, after everything is as it was. */
  async run(job: Job): Promise<{ pending: string[]; changed: boolean }> {
    const before = new Map<string, HostConfig>();
    const touched: Member[] = [];
    try {
      const { goal, pending, changed } = await this.#carryOut(job, before, touched);
      this.#stand(goal);
      return { pending, changed };
    } catch (thrown) {
      await this.#undo(before, touched, job.progress);
      throw thrown;
    }
  }

  async #carryOut(job: Job, before: Map<string, HostConfig>, touched: Member[]) {
    let journalled: Promise<void> | undefined;
    for (;;) {
      const goal = this.#settle(job);
      const isSwitch = goal.switching.size > 0;
      if (isSwitch && this.#drainedAt !== undefined) {
        await this.#waitAndClean();
        continue;
      }
      const concerned = this.#concerned(goal);
      if (concerned.length > 0 && !journalled) {
        const hosts = concerned.map(({ host }) => host);
        journalled = job.journal(hosts, isSwitch);
        journalled.catch(() => {}); // Awaited below.
      }
      if (isSwitch || job.isLarge) await journalled;
      if (!concerned.every((member) => member.ready)) continue;
      for (const member of concerned)
        if (member.installed && !before.has(member.host)) before.set(member.host, member.installed);
      const draining = this.#drainedAt !== undefined;
      const news = concerned.flatMap((member) => partChange(member, goal.lowered.configs)).map(newsOf);
      this.#options.onMake(news.flatMap(({ made }) => made));
      const prepared = (_: Member, installed: HostConfig, target: HostConfig) =>
        preparedConfig(installed, target, goal.switching, draining);
      if (!(await this.#everywhere('prepare', concerned, goal, prepared, touched, job))) continue;
      if (isSwitch) await this.#options.whenUp(linksOfPaths(news, goal.switching));
      await this.#takeEffect(goal, concerned, job, before, touched);
      await journalled;
      const pending = this.#pending(goal);
      await job.commit(goal.lowered, pending);
      return { goal, pending, changed: concerned.length > 0 };
    }
  }

  /** With a switch the rest is for `clean`; without, what goes can go at once. */
  async #takeEffect(
    goal: Goal,
    concerned: readonly Member[],
    job: Job,
    before: Map<string, HostConfig>,
    touched: Member[],
  ): Promise<void> {
    const { switching } = goal;
    if (switching.size > 0) {
      const members = this.#connected(goal);
      for (const member of members)
        if (member.installed && !before.has(member.host)) before.set(member.host, member.installed);
      await this.#everywhere(
        'switch',
        members,
        goal,
        (_, installed, target) => switchedConfig(installed, target, switching),
        touched,
        job,
      );
      for (const network of switching)
        this.#options.epochs.set(network, (this.#options.epochs.get(network) ?? 0) + 1);
      return;
    }
    const draining = this.#drainedAt !== undefined;
    const final = (_: Member, installed: HostConfig, target: HostConfig) =>
      finalConfig(installed, target, draining);
    const { configs } = goal.lowered;
    const rest = concerned.filter((member) => member.ready && !member.runs(configs.get(member.host)));
    await this.#everywhere('clean', rest, goal, final, touched, job);
  }

  /** Lowers until the hosts that are away are either untouched by the change or left out of its paths. */
  #settle(job: Job): Goal {
    const members = [...this.#options.members.values()];
    const unusable = new Set(members.filter((member) => !member.usable).map(({ host }) => host));
    for (;;) {
      const lowered = job.lower(unusable);
      const { configs } = lowered;
      const known = members.filter(({ host }) => !unusable.has(host));
      const changing = known.filter((member) => member.installed && !member.runs(configs.get(member.host)));
      const switching = networksToSwitch(
        changing.flatMap((member) => partChange(member, configs)),
        () => ({
          before: known.flatMap(({ installed }) => installed ?? []),
          after: configs.values(),
        }),
      );
      const affected = switching.size > 0 ? known : changing;
      const behind = affected.filter(({ host, session }) => !session && configs.has(host));
      if (behind.length === 0) return { lowered, switching, unusable, changing: new Set(changing) };
      for (const { host } of behind) unusable.add(host);
    }
  }

  #connected({ unusable, lowered }: Goal): Member[] {
    const members = [...this.#options.members.values()];
    return members.filter(
      (member) => member.ready && !unusable.has(member.host) && lowered.configs.has(member.host),
    );
  }

  #concerned(goal: Goal): Member[] {
    const connected = this.#connected(goal);
    return goal.switching.size > 0 ? connected : connected.filter((member) => goal.changing.has(member));
  }

  #pending({ lowered }: Goal): string[] {
    const { members } = this.#options;
    return [...lowered.configs].flatMap(([host, target]) => {
      const member = members.get(host);
      return member?.ready || (member?.usable && member.runs(target)) ? [] : [host];
    });
  }

  /**
   * One step at many hosts, in parallel. False: one was lost (pending now, the others are done).
   * Throws the first refusal, when all have answered.
   */
  async #everywhere(
    phase: 'prepare' | 'switch' | 'clean',
    members: readonly Member[],
    { lowered }: Goal,
    next: (member: Member, installed: HostConfig, target: HostConfig) => HostConfig,
    touched: Member[],
    { progress, internal }: Job,
  ): Promise<boolean> {
    let done = 0;
    const steps = members.map(async (member) => {
      const target = lowered.configs.get(member.host);
      if (!member.installed || !target) return true;
      const config = next(member, member.installed, target);
      const outcome = await member.step(config, this.#options.clock, this.#options.nextRevision);
      if (outcome.kind === 'done' && outcome.changed) touched.push(member);
      done += 1;
      progress?.({ phase, host: member.host, done, total: members.length });
      if (outcome.kind === 'refused' && !internal) return refusal(member.host, outcome.error);
      if (outcome.kind === 'refused') this.#drop(member, outcome.error);
      if (outcome.kind === 'lost') this.#options.onLost(member.host, outcome.error);
      return outcome.kind === 'done';
    });
    const outcomes = await Promise.all(steps);
    const refused = outcomes.find((outcome) => outcome instanceof VnetError);
    if (refused) throw refused;
    return outcomes.every((outcome) => outcome === true);
  }

  #stand({ lowered, switching, unusable }: Goal): void {
    this.#targets = lowered.configs;
    for (const host of unusable) {
      const member = this.#options.members.get(host);
      if (member && !member.session) member.stale = true;
    }
    if (switching.size === 0) return;
    this.#drainedAt = this.#options.clock.now() + DRAIN_MS;
    this.#options.cleanLater(DRAIN_MS);
  }

  /** Steps back: first what is stamped, then, when those frames are gone, the rest, last host first. */
  async #undo(
    before: ReadonlyMap<string, HostConfig>,
    touched: readonly Member[],
    progress?: Job['progress'],
  ): Promise<void> {
    const order = [...new Set([...touched].reverse())];
    const { clock, nextRevision } = this.#options;
    let switched = false;
    const back = async (member: Member, config: HostConfig) => {
      if (!member.ready) return false;
      const outcome = await member.step(config, clock, nextRevision);
      if (outcome.kind === 'done') return outcome.changed;
      this.#drop(member, outcome.error);
      return false;
    };
    for (const member of order) {
      const old = before.get(member.host);
      if (old && member.installed)
        switched = (await back(member, unswitchedConfig(member.installed, old))) || switched;
    }
    if (switched) {
      for (const old of before.values())
        for (const { id, epoch } of old.networks) this.#options.epochs.set(id, epoch);
      await new Promise<void>((resolve) => clock.after(DRAIN_MS, resolve));
    }
    for (const [i, member] of order.entries()) {
      const old = before.get(member.host);
      if (old) await back(member, old);
      progress?.({ phase: 'undo', host: member.host, done: i + 1, total: order.length });
    }
  }

  /** A host that refuses to be cleaned or to step back is configured anew from the beginning. */
  #drop(member: Member, error: VnetError): void {
    member.installed = undefined;
    member.session?.close();
    member.session = undefined;
    this.#options.onLost(member.host, error);
  }

  async #waitAndClean(): Promise<void> {
    const left = (this.#drainedAt ?? 0) - this.#options.clock.now();
    if (left > 0) await new Promise<void>((resolve) => this.#options.clock.after(left, resolve));
    this.#drainedAt = Math.min(this.#drainedAt ?? 0, this.#options.clock.now());
    await this.clean();
  }

  /** Takes away what the last switch left, if its frames are gone. */
  async clean(): Promise<void> {
    if (this.#drainedAt === undefined) return;
    const left = this.#drainedAt - this.#options.clock.now();
    // Timers may fire a little early; one of an earlier switch does.
    if (left > 0) return this.#options.cleanLater(left);
    this.#drainedAt = undefined;
    const { clock, nextRevision, members, epochs } = this.#options;
    await Promise.all(
      [...members.values()].map(async (member) => {
        const target = this.#targets.get(member.host);
        if (!member.ready || !member.installed || !target) return;
        const final = finalConfig(member.installed, withEpochs(target, epochs), false);
        const outcome = await member.step(final, clock, nextRevision);
        if (outcome.kind !== 'done') this.#drop(member, outcome.error);
      }),
    );
  }
}

function refusal(host: string, error: VnetError): VnetError {
  const body = error.toBody();
  return new VnetError(error.code, `host ${host}: ${error.message}; nothing was changed`, {
    ...body,
    cause: error,
  });
}

function partChange({ installed, host }: Member, configs: ReadonlyMap<string, HostConfig>): PartChange[] {
  return installed ? [{ installed, target: configs.get(host) }] : [];
}

/** What was lowered before a switch, as it is after. */
function withEpochs(config: HostConfig, epochs: ReadonlyMap<number, number>): HostConfig {
  const networks = config.networks.map((network) => {
    const epoch = epochs.get(network.id) ?? network.epoch;
    return { ...network, epoch, oldestEpoch: epoch };
  });
  return { ...config, networks };
}
