/** What adaptation may do, as flags and as text. Ranges as core/adapt.ts and the API have them: a slip is told before anything is asked. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import {
  ADAPT_MECHANISMS,
  ADAPT_OBJECTIVES,
  type AdaptMechanism,
  type AdaptMode,
  type AdaptPlanRequest,
  type AdaptSettings,
  type LinkType,
  VnetError,
} from '../../core/index.js';
import { nearest } from '../../lang/index.js';
import { duration, percent, share, timeMs, wholeNumber } from '../format.js';
import type { Run } from '../run.js';

const BUDGET_MS = [10, 60_000] as const;
const HOUR_MS = 3_600_000;
const SETTLE_MS = [100, HOUR_MS] as const;
const CONFIRM_MS = [0, HOUR_MS] as const;
const HORIZON_MS = [1000, 24 * HOUR_MS] as const;
const GAIN = [0, 10] as const;
const LINKS_PER_HOST = [0, 64] as const;
const MOVES = [0, 1000] as const;

/** Of one plan. */
export interface SearchFlags {
  mechanisms?: string;
  objective?: string;
  solver?: string;
  budget?: string;
  links?: string;
}

export interface SettingFlags extends SearchFlags {
  mode?: AdaptMode;
  gain?: string;
  settle?: string;
  confirm?: string;
  horizon?: string;
  linkType?: LinkType;
  moves?: string;
}

export function addSearchOptions(command: Command): Command {
  return command
    .option('--mechanisms <list>', `what it may use, with commas: ${ADAPT_MECHANISMS.join(',')}, or none`)
    .option('--objective <name>', `what is best: ${ADAPT_OBJECTIVES.join(', ')}`)
    .option('--solver <name>', "how it is sought: auto, a solver's name, ./mine.mjs or exec:PROGRAM")
    .option('--budget <time>', 'of one search')
    .option('--links <n>', 'links that it makes at one host, at most');
}

export function addSettingOptions(command: Command): Command {
  command.addOption(new Option('--mode <mode>', 'what happens to a plan').choices(['off', 'advise', 'auto']));
  return addSearchOptions(command)
    .option('--gain <share>', 'what a change must promise')
    .option('--settle <time>', 'after a change, nothing is decided for so long')
    .option('--confirm <time>', 'the same better plan must have been found for so long')
    .option('--horizon <time>', 'for which a change is expected to pay')
    .addOption(new Option('--link-type <type>', 'of links that it makes').choices(['udp', 'tcp']))
    .option('--moves <n>', 'VMs moved in one change, at most');
}

type SearchSettings = NonNullable<AdaptPlanRequest['settings']>;

/** Throws `VNET_ERR_INVALID` for what cannot be, with what can. */
export function searchOf({ mechanisms, objective, solver, budget, links }: SearchFlags): SearchSettings {
  return {
    ...(mechanisms === undefined ? {} : { mechanisms: mechanismsOf(mechanisms) }),
    ...(objective === undefined ? {} : { objective: oneOf(objective, 'objective', ADAPT_OBJECTIVES) }),
    ...(solver === undefined ? {} : { solver: solverOf(solver) }),
    ...(budget === undefined ? {} : { budgetMs: timeMs(budget, 'a time for a search', ...BUDGET_MS) }),
    ...(links === undefined
      ? {}
      : { linksPerHost: wholeNumber(links, 'a number of links', ...LINKS_PER_HOST) }),
  };
}

/** As `searchOf`. */
export function settingsOf(flags: SettingFlags): Partial<AdaptSettings> {
  const { mode, gain, settle, confirm, horizon, linkType, moves } = flags;
  return {
    ...(mode === undefined ? {} : { mode }),
    ...searchOf(flags),
    ...(gain === undefined ? {} : { gainThreshold: share(gain, 'a gain', ...GAIN) }),
    ...(settle === undefined ? {} : { settleMs: timeMs(settle, 'a time to settle', ...SETTLE_MS) }),
    ...(confirm === undefined ? {} : { confirmMs: timeMs(confirm, 'a time to be sure', ...CONFIRM_MS) }),
    ...(horizon === undefined ? {} : { horizonMs: timeMs(horizon, 'a horizon', ...HORIZON_MS) }),
    ...(linkType === undefined ? {} : { linkType }),
    ...(moves === undefined ? {} : { movesMax: wholeNumber(moves, 'a number of VMs', ...MOVES) }),
  };
}

function mechanismsOf(text: string): AdaptMechanism[] {
  if (text === 'none') return [];
  const words = text.split(',').map((word) => oneOf(word.trim(), 'mechanism', ADAPT_MECHANISMS));
  return [...new Set(words)];
}

function oneOf<T extends string>(text: string, what: string, names: readonly T[]): T {
  const found = names.find((name) => name === text);
  if (found !== undefined) return found;
  const near = nearest(text, names);
  throw new VnetError('VNET_ERR_INVALID', `there is no ${what} "${text}"`, {
    hint: near === undefined ? `one of: ${names.join(', ')}` : `did you mean ${near}?`,
  });
}

/** A file is the Proxy's to read, from wherever it runs. */
const solverOf = (text: string): string => (/^\.{1,2}\//.test(text) ? resolve(text) : text);

const MODES: Record<AdaptMode, string> = {
  off: 'nothing is planned',
  advise: 'plans stand to be looked at and applied',
  auto: 'plans that are worth it are carried out',
};

/** Each setting with its value and what it means. */
export function explainSettings(run: Run, settings: AdaptSettings): void {
  const { strong, faint } = run.paint;
  const line = (name: string, value: string, meaning: string): void =>
    run.print(`${strong(name.padEnd(11))} ${value.padEnd(20)} ${faint(meaning)}`);
  line('mode', settings.mode, MODES[settings.mode]);
  line('mechanisms', settings.mechanisms.join(',') || 'none', 'what it may use');
  line('objective', settings.objective, 'what is best');
  line('solver', settings.solver, `how it is sought, for ${duration(settings.budgetMs)} (budget)`);
  line('gain', percent(settings.gainThreshold), 'what a change must promise the flows, its cost taken off');
  line('settle', duration(settings.settleMs), 'after a change, nothing is decided for so long');
  line('confirm', duration(settings.confirmMs), 'the same better plan must have been found for so long');
  line('horizon', duration(settings.horizonMs), 'for which a change is expected to pay');
  line(
    'links',
    String(settings.linksPerHost),
    `of adaptation at one host, at most, over ${settings.linkType} (link-type)`,
  );
  line('moves', String(settings.movesMax), 'VMs in one change, at most');
}
