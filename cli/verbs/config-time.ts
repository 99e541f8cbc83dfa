import type { Command } from 'commander';
import type { CliContext } from '../context.js';
import { duration, wholeNumber } from '../format.js';
import { act, addVerb, GROUPS } from '../run.js';

/** An hour: nobody means more. */
const MAX_BOUND_MS = 3_600_000;

export function addConfigTime(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'config-time [milliseconds]',
    group: GROUPS.change,
    summary: 'upper bound on the time a change of topology takes',
    about:
      'Without an argument: the bound, and what changes really took so far. With one: sets the bound, in ' +
      'milliseconds (the eighth primitive of the paper). The inference of the application topology (VTTIF) takes ' +
      'its sampling and smoothing intervals from it, so that it does not react to what adaptation itself does.',
    examples: [
      ['config-time', 'bound and measurement'],
      ['config-time 500', 'at most half a second'],
    ],
  });
  act<[string | undefined]>(command, context, async (run, _options, text) => {
    if (text !== undefined) {
      await run.client.setConfigurationTime(wholeNumber(text, 'a time in milliseconds', 1, MAX_BOUND_MS));
    }
    const { configurationTime } = await run.client.overview();
    if (run.json) return run.printJson(configurationTime);
    run.print(
      `bound ${duration(configurationTime.boundMs)}, measured ${duration(configurationTime.measuredMs)}`,
    );
  });
}
