import type { Command } from 'commander';
import { VnetError } from '../../core/index.js';
import type { Diagnostic } from '../../lang/index.js';
import type { CliContext } from '../context.js';
import { plural } from '../format.js';
import { act, addVerb, ExitWith, GROUPS } from '../run.js';
import { parseFile, renderScript, type ScriptOptions } from '../scripts.js';

export function addCheck(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'check <script...>',
    group: GROUPS.explain,
    summary: 'errors and warnings of a script, nothing else',
    about:
      'Reads scripts and says what is wrong with them, as a compiler does: file, line, column, what was expected, ' +
      'a likely fix; all errors in one run. Warnings say what is allowed and seldom meant. Needs no daemon and ' +
      'touches nothing. Silent when all is well; exit code 1 where there are errors, else 0. `-` is standard input.',
    examples: [
      ['check lab.vnet', 'before committing it'],
      ['check --proxy home figure5.vnet', "a script in the paper's form, whose Proxy is home"],
      ['show | vnet check -', 'standard input'],
    ],
  }).option('--proxy <host>', "the Proxy of a script in the paper's form");
  act<[string[]], ScriptOptions>(command, context, async (run, options, scripts) => {
    const found: Diagnostic[] = [];
    let unreadable = 0;
    for (const script of scripts) {
      let diagnostics: Diagnostic[];
      try {
        ({ diagnostics } = parseFile(run, script, options));
      } catch (thrown) {
        if (scripts.length === 1) throw thrown;
        // The others are still worth reading.
        unreadable += 1;
        const { message, hint } = VnetError.from(thrown);
        run.note(hint === undefined ? message : `${message} (${hint})`);
        continue;
      }
      found.push(...diagnostics);
      if (!run.json && diagnostics.length > 0) run.note(renderScript(run, diagnostics));
    }
    if (run.json) run.printJson(found);
    const errors = unreadable + found.filter((diagnostic) => diagnostic.severity === 'error').length;
    if (errors === 0) return;
    if (!run.json) run.note(`${plural(errors, 'error')}`);
    throw new ExitWith(1);
  });
}
