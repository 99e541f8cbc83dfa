import type { Command } from 'commander';
import { ADAPT_HISTORY_MAX, type AdaptReason } from '../../core/index.js';
import { evidenceText, showRecord, showRecords, subjectOf } from '../adapt/index.js';
import type { CliContext } from '../context.js';
import { wholeNumber } from '../format.js';
import { moment } from '../moment.js';
import { NameBook } from '../names.js';
import { act, addVerb, type Run } from '../run.js';

const RECORDS = '20';

/** `adapt why` and `history`. */
export function addAdaptWhy(group: Command, context: CliContext): void {
  const why = addVerb(group, {
    usage: 'why <subject> [other]',
    summary: 'what decided where a VM runs, a link, a route',
    about:
      'Tells who put a VM where it is, or made a link or a route: you, the star, or adaptation; for what adaptation did, when, with ' +
      'which measurements and how old they were, and what came of it. A link is named by its two hosts, a route by its two VMs.',
    examples: [
      ['adapt why web', 'a VM, by name or address'],
      ['adapt why a b', 'the link of two hosts; a-b does too'],
      ['adapt why web db', 'the route of two VMs'],
    ],
  });
  act<[string, string | undefined]>(why, context, async (run, _options, first, second) => {
    const names = new NameBook(await run.client.overview());
    const reason = await run.client.whyAdapted(subjectOf(names, first, second));
    if (run.json) return run.printJson(reason);
    showReason(run, reason);
  });

  const history = addVerb(group, {
    usage: 'history',
    summary: 'what it did, and what came of it',
    about:
      'Lists changes, the newest first: who asked, what was done, the gain that was predicted and the one that was ' +
      `measured, and whether it was kept. The Proxy keeps the last ${ADAPT_HISTORY_MAX}.`,
    examples: [
      ['adapt history', `the last ${RECORDS}`],
      ['adapt history -n 5', 'the last five'],
      ['adapt history --json | jq \'.[] | select(.outcome == "taken-back")\'', 'for scripts'],
    ],
  }).option('-n, --number <n>', 'so many', RECORDS);
  act<[], { number: string }>(history, context, async (run, { number }) => {
    const wanted = wholeNumber(number, 'a number of records', 0, ADAPT_HISTORY_MAX);
    const { history: records } = await run.client.adaptation(wanted);
    if (run.json) return run.printJson(records);
    showRecords(run, records, 'Nothing yet: `vnet adapt plan` shows what could be done.');
  });
}

const OWNERS: Record<AdaptReason['owner'], string> = {
  user: 'owner user: adaptation leaves it alone',
  adapt: 'owner adapt',
  auto: 'owner auto',
};

const ISO_TIMES = /\d{4}-\d\d-\d\dT[\d:.]+Z?/g;

function showReason(run: Run, { subject, owner, text, record, evidence }: AdaptReason): void {
  const { strong, faint } = run.paint;
  run.print(`${strong(subject)}  ${faint(OWNERS[owner])}`, `  ${text.replace(ISO_TIMES, moment)}`);
  if (evidence.length > 0) run.print('', strong('Evidence'));
  for (const each of evidence) run.print(`  ${evidenceText(run, each)}`);
  if (record === undefined) return;
  run.print('', `${strong('Change')}  ${faint(`${moment(record.at)}, by ${record.by}`)}`);
  showRecord(run, record);
}
