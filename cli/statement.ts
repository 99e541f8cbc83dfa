/** One statement on the command line as a change of the intent, parsed and checked by the language itself. */
import {
  applyChange,
  type Change,
  emptyChange,
  type Network,
  type Topology,
  VnetError,
} from '../core/index.js';
import { type Diagnostic, parseScript, printStatement, renderDiagnostics } from '../lang/index.js';
import type { Run } from './run.js';
import { ScriptErrors } from './scripts.js';

export type StatementList = 'vms' | 'ports' | 'links' | 'routes' | 'rules';

/**
 * Parses `text` as a statement of `list`, checked against everything that runs; one of the same identity is
 * replaced. `network`: where there are several. Throws `ScriptErrors` with the statement's diagnostics.
 */
export function parseStatement<K extends StatementList>(
  run: Run,
  current: Topology,
  list: K,
  text: string,
  network?: string,
): Topology[K][number] {
  const scope = networkFor(current, list, network ?? /\bin\s+(\S+)/.exec(text)?.[1]);
  // What the statement stands on goes into one line before it, so the places of diagnostics are put right below.
  const vms = list === 'rules' ? namedVms(current, text, scope) : [];
  const before = [
    ...(scope === undefined ? [] : [printStatement('networks', scope, current)]),
    ...vms.map((vm) => printStatement('vms', vm, current)),
  ];
  const parsed = parseScript(`${before.join('  ')}\n${text}`, { file: FILE, running: current });
  const errors = parsed.diagnostics.filter((diagnostic) => diagnostic.severity === 'error');
  // Line 1 and what has no line were there before.
  const warnings = parsed.diagnostics.filter(({ severity, line }) => severity === 'warning' && line > 1);
  if (warnings.length > 0 && !run.json) run.note(renderStatement(run, warnings, text));
  if (errors.length > 0) {
    const isCycle = errors.some(({ code }) => code === 'group-cycle');
    throw new ScriptErrors(
      'statement',
      errors,
      renderStatement(run, errors, text),
      isCycle ? 'rules that make a tree only together are added together, with `vnet apply`' : undefined,
    );
  }
  const { networks: _, ...lists } = parsed.change.add;
  const added = Object.values(lists).reduce((sum, statements) => sum + statements.length, 0) - vms.length;
  const [statement] = parsed.change.add[list] as Topology[K][number][];
  if (statement !== undefined && added === 1) return statement;
  throw new VnetError(
    'VNET_ERR_INVALID',
    `"${text}" is not one statement of the kind that is asked for here`,
  );
}

/** VMs that a rule names: the language takes their addresses from the script that the rule stands in. */
function namedVms(current: Topology, text: string, scope: Network | undefined): Topology['vms'] {
  const words = new Set(text.split(/[\s,]+/));
  return current.vms.filter((vm) => vm.network === scope?.name && words.has(vm.name));
}

/** How diagnostics call the command line. */
const FILE = 'statement';

function renderStatement(run: Run, found: Diagnostic[], text: string): string {
  const placed = found.map((each) => ({ ...each, line: Math.min(1, each.line) }));
  return renderDiagnostics(placed, () => text, { color: run.colourErrors }).trimEnd();
}

/** The network a statement is about: the one named, or the only one. Links belong to none. */
function networkFor(current: Topology, list: StatementList, asked: string | undefined): Network | undefined {
  if (list === 'links') return undefined;
  const names = current.networks.map((network) => network.name).join(', ');
  if (asked === undefined) {
    if (current.networks.length <= 1) return current.networks[0];
    throw new VnetError('VNET_ERR_INVALID', `there are several networks: ${names}`, {
      hint: 'name one with --network',
    });
  }
  const found = current.networks.find((network) => network.name === asked);
  if (found) return found;
  throw new VnetError('VNET_ERR_NOT_FOUND', `no network is called "${asked}"`, {
    hint: names === '' ? 'there is none yet' : `there is ${names}`,
  });
}

/** The change that adds or removes one statement. */
export function changeOf<K extends StatementList>(
  sign: 'add' | 'remove',
  list: K,
  statement: Topology[K][number],
): Change {
  const change = emptyChange();
  (change[sign][list] as Topology[K][number][]).push(statement);
  return change;
}

/** Makes the change and says so in a line: `+ link udp a b   revision 13, 8 ms`. */
export async function applyStatement<K extends StatementList>(
  run: Run,
  current: Topology,
  sign: 'add' | 'remove',
  list: K,
  statement: Topology[K][number],
): Promise<void> {
  const change = changeOf(sign, list, statement);
  const result = await run.client.apply({ kind: 'change', change }).catch((thrown) => {
    throw sign === 'add' ? thrown : stillNeeded(thrown, printStatement(list, statement, current));
  });
  if (run.json) return run.printJson(result);
  const text = printStatement(list, statement, sign === 'add' ? applyChange(current, change) : current);
  const { good, bad, faint, warn } = run.paint;
  if (result.steps.length === 0) {
    return run.print(
      `${text}  ${faint(sign === 'add' ? 'is there already, nothing to do' : 'is not there, nothing to do')}`,
    );
  }
  for (const step of result.steps) {
    const paint = step.sign === '+' ? good : step.sign === '-' ? bad : warn;
    run.print(
      `${paint(`${step.sign} ${step.text}`)}  ${faint(`revision ${result.revision}, ${Math.round(result.tookMs)} ms`)}`,
    );
  }
  if (result.pending.length > 0)
    run.print(warn(`away, gets its part on return: ${result.pending.join(', ')}`));
}

/** What is wrong with an overlay that lost a statement, said of the statement. */
function stillNeeded(thrown: unknown, text: string): VnetError {
  const error = VnetError.from(thrown);
  if (error.code !== 'VNET_ERR_SCRIPT' && error.code !== 'VNET_ERR_INVALID') return error;
  return new VnetError(error.code, `"${text}" is still needed: ${error.message}`, {
    hint: 'delete what needs it first, or change both at once with `vnet apply`',
    details: error.details,
    cause: error,
  });
}
