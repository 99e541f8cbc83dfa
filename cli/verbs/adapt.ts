import type { Command } from 'commander';
import {
  adaptedStatements,
  explainSettings,
  planLine,
  showRecords,
  stateLine,
  unknownAction,
} from '../adapt/index.js';
import type { CliContext } from '../context.js';
import { act, addVerb, GROUPS } from '../run.js';
import { addAdaptCompare } from './adapt-compare.js';
import { addAdaptExport } from './adapt-export.js';
import { addAdaptInstances } from './adapt-instances.js';
import { addAdaptPlan } from './adapt-plan.js';
import { addAdaptReplay } from './adapt-replay.js';
import { addAdaptSet } from './adapt-set.js';
import { addAdaptWhy } from './adapt-why.js';

/** Records beneath the state; `vnet adapt history` shows more. */
const RECENT = 5;
/** More are counted, not shown. */
const OWNED_SHOWN = 20;

export function addAdapt(program: Command, context: CliContext): void {
  const group = addVerb(program, {
    usage: 'adapt',
    group: GROUPS.change,
    summary: 'fit the overlay to what runs on it: plan, apply, why',
    about:
      'From what the VMs say to each other and what the network underneath carries, adaptation decides where VMs should ' +
      'run, which links and routes there should be, and what to reserve. Alone, this shows its mode and settings, what ' +
      'it owns, its last plan and what it did. It never touches what you own: VMs that are pinned, your links, routes and ' +
      'reservations. docs/adaptation.md explains how it decides.',
    examples: [
      ['adapt', 'mode, settings, what it owns, what it did'],
      ['adapt plan', 'what it would do now, and why'],
      ['adapt apply', 'do it, once'],
      ['adapt on', 'from now on, by itself'],
      ['adapt why web', 'what decided where web runs'],
    ],
  }).allowExcessArguments();
  act(group, context, async (run) => {
    const [word] = group.args;
    if (word !== undefined)
      throw unknownAction(
        word,
        group.commands.map((command) => command.name()),
      );
    const view = await run.client.adaptation(RECENT);
    if (run.json) return run.printJson(view);
    const { strong } = run.paint;
    run.print(stateLine(run, view), '');
    explainSettings(run, view.settings);
    const { topology } = await run.client.overview();
    const owned = adaptedStatements(view.adapted, topology);
    if (owned.length > 0) {
      run.print('', strong('Owns'), ...owned.slice(0, OWNED_SHOWN).map((statement) => `  ${statement}`));
      if (owned.length > OWNED_SHOWN)
        run.print(run.paint.faint(`  and ${owned.length - OWNED_SHOWN} more: --json`));
    }
    if (view.plans.length > 0)
      run.print('', strong('Last plan'), ...view.plans.map((plan) => `  ${planLine(run, plan)}`));
    if (view.history.length > 0) {
      run.print('', strong('Last changes'));
      showRecords(run, view.history, '');
    }
  });
  addAdaptPlan(group, context);
  addAdaptWhy(group, context);
  addAdaptSet(group, context);
  addAdaptCompare(group, context);
  addAdaptReplay(group, context);
  addAdaptInstances(group, context);
  addAdaptExport(group, context);
}
