import type { Command } from 'commander';
import type { AdaptMode } from '../../core/index.js';
import {
  addSettingOptions,
  countedAdapted,
  explainSettings,
  type SettingFlags,
  settingsOf,
  showRecord,
  stateLine,
} from '../adapt/index.js';
import type { CliContext } from '../context.js';
import { agreed } from '../plan.js';
import { act, addVerb, ExitWith } from '../run.js';

/** `adapt set`, `on`, `advise`, `off`, `clear`. */
export function addAdaptSet(group: Command, context: CliContext): void {
  const set = addVerb(group, {
    usage: 'set',
    summary: 'mode, mechanisms, objective, thresholds',
    about:
      'Shows the settings, and changes those that are given. They hold at once, for every network, and outlive a restart. ' +
      'A high gain and long times are calm: at most one change in the time to settle.',
    examples: [
      ['adapt set', 'what holds now, explained'],
      ['adapt set --gain 20% --settle 10s', 'only for what promises a fifth, every ten seconds at most'],
      ['adapt set --mechanisms topology,reservation', 'links, routes and reservations; VMs stay'],
      ['adapt set --objective combined --budget 1s', 'bandwidth and nearness, a longer search'],
    ],
  });
  act<[], SettingFlags>(addSettingOptions(set), context, async (run, flags) => {
    const wanted = settingsOf(flags);
    const given = Object.keys(wanted).length > 0;
    const settings = given
      ? await run.client.setAdaptation(wanted)
      : (await run.client.adaptation(0)).settings;
    if (run.json) return run.printJson(settings);
    if (given) run.print(run.paint.good('Set.'));
    explainSettings(run, settings);
  });

  addMode(group, context, 'on', 'auto', {
    summary: 'carry out by itself what is worth it',
    about:
      'Plans are made as the traffic and the network change, and those that pass the threshold are carried out. What made ' +
      'things worse is taken back.',
    effect: 'from now on, by itself',
  });
  addMode(group, context, 'advise', 'advise', {
    summary: 'plan, and wait for you',
    about: 'Plans are made and stand in `vnet adapt`; nothing is done until `vnet adapt apply`.',
    effect: 'look first',
  });
  addMode(group, context, 'off', 'off', {
    summary: 'neither plan nor do anything',
    about: 'What it made stays, and stays its own: `vnet adapt clear` removes it.',
    effect: 'leave everything as it is',
  });

  const clear = addVerb(group, {
    usage: 'clear',
    summary: 'remove the links, routes and reservations it made',
    about:
      'Shows what adaptation owns, asks, and removes it; traffic goes by your own links and the star. VMs stay where they ' +
      'are. With mode auto it may make them again.',
    examples: [
      ['adapt clear', 'shows and asks'],
      ['adapt off && vnet adapt clear --yes', 'as if it had never been'],
    ],
  }).option('-y, --yes', 'do not ask');
  act<[], { yes?: boolean }>(clear, context, async (run, { yes = false }) => {
    const view = await run.client.adaptation(0);
    const owned = countedAdapted(view.adapted);
    if (!run.json) run.print(stateLine(run, view));
    if (owned !== 'nothing' && !(await agreed(run, yes, `Remove ${owned}?`, 'vnet adapt'))) {
      run.print('Nothing was changed.');
      throw new ExitWith(1);
    }
    const record = await run.client.clearAdaptation();
    if (run.json) return run.printJson(record ?? null);
    if (record === undefined) run.print('Nothing to remove.');
    else showRecord(run, record);
  });
}

function addMode(
  group: Command,
  context: CliContext,
  word: string,
  mode: AdaptMode,
  { summary, about, effect }: { summary: string; about: string; effect: string },
): void {
  const command = addVerb(group, {
    usage: word,
    summary,
    about: `${about} The same as \`adapt set --mode ${mode}\`.`,
    examples: [[`adapt ${word}`, effect]],
  });
  act(command, context, async (run) => {
    const settings = await run.client.setAdaptation({ mode });
    if (run.json) return run.printJson(settings);
    const view = await run.client.adaptation(0);
    run.print(stateLine(run, view));
    if (mode === 'off' && countedAdapted(view.adapted) !== 'nothing')
      run.print(run.paint.faint('What it made stays: `vnet adapt clear` removes it.'));
  });
}
