/** A script from text to topology: read, cut, parse, lower, check. */
import { posix } from 'node:path';
import type { IToken } from 'chevrotain';
import {
  type Change,
  DEFAULT_NETWORK,
  emptyChange,
  emptyTopology,
  type Topology,
  VnetError,
} from '../core/index.js';
import { checkAll } from './check-topology.js';
import { type Diagnostic, Diagnostics, spanOf } from './diagnostics.js';
import { lowerModern, type Unit } from './modern-lowering.js';
import { modernParser } from './modern-parser.js';
import type { NodeOf, PaperNode, Parsed } from './nodes.js';
import { lowerPaper } from './paper-lowering.js';
import { paperParser } from './paper-parser.js';
import { cutStatements } from './statements.js';
import { syntaxDiagnostic } from './syntax-errors.js';
import { type Form, formOf, OpenText, tokenize, valueOf } from './tokens.js';
import {
  includeCycle,
  includeFailed,
  includePaper,
  includeUnsupported,
  openString,
  scriptTooLarge,
  tooManyIncludes,
  type Wording,
} from './wording.js';

export interface ScriptOptions {
  /** The script's name in diagnostics, and what includes are relative to; default `script`. */
  file?: string;
  /** Paper's form: the host that is the Proxy; default: the first HOST. */
  proxy?: string;
  /** Returns the text of an included file: its path as written, and the file that includes it. May throw. */
  readInclude?: (path: string, from: string) => string;
  /** The topology that the script's change will meet; default: an empty one. */
  running?: Topology;
}

export interface ParseResult {
  form: Form;
  /** What the script asks for by itself: its additions. */
  topology: Topology;
  /** Modern form: everything is added. Paper's form: its ADDs and DELETEs. */
  change: Change;
  diagnostics: Diagnostic[];
}

/** Characters of one file. */
export const MAX_SCRIPT_LENGTH = 16 * 2 ** 20;
/** Files one script may include, directly or not. */
export const MAX_INCLUDES = 256;

/** Parses and checks a script in either form; its first word decides which. Never throws on bad input. */
export function parseScript(text: string, options: ScriptOptions = {}): ParseResult {
  const file = options.file ?? 'script';
  const reader = new ScriptReader(new Diagnostics(file), options.readInclude);
  const form = formOf(text.slice(0, MAX_SCRIPT_LENGTH));
  const change = form === 'paper' ? reader.readPaper(text, file, options) : reader.readModern(text, file);
  const { diagnostics } = reader;
  checkAll(change, options.running ?? emptyTopology(), diagnostics, {
    form,
    partial: reader.incomplete,
    unread: diagnostics.failed,
    suspects: reader.suspects,
    ...(options.proxy === undefined || form === 'modern' ? {} : { proxy: options.proxy }),
  });
  return { form, topology: change.add, change, diagnostics: diagnostics.finish() };
}

/** As `parseScript`, but throws `VNET_ERR_SCRIPT` (details: the diagnostics) when there are errors. */
export function loadScript(text: string, options: ScriptOptions = {}): ParseResult {
  const result = parseScript(text, options);
  const errors = result.diagnostics.filter((diagnostic) => diagnostic.severity === 'error');
  const [first] = errors;
  if (first !== undefined) {
    const more = errors.length === 1 ? '' : ` (and ${errors.length - 1} more)`;
    throw new VnetError('VNET_ERR_SCRIPT', `${first.file}:${first.line}: ${first.message}${more}`, {
      ...(first.hint === undefined ? {} : { hint: first.hint }),
      details: result.diagnostics,
    });
  }
  return result;
}

class ScriptReader {
  /** Names that statements with syntax errors may have declared: not to be called unknown. */
  readonly suspects = new Set<string>();
  /** True when statements are missing: they could not be parsed, or their file not be read. */
  incomplete = false;
  readonly #units: Omit<Unit, 'network'>[] = [];
  /** The network of a file's first network statement. */
  readonly #networks = new Map<string, string>();
  readonly #includedBy = new Map<string, string | undefined>();

  constructor(
    readonly diagnostics: Diagnostics,
    private readonly readInclude: ScriptOptions['readInclude'],
  ) {}

  readPaper(text: string, file: string, { proxy, running }: ScriptOptions): Change {
    const nodes: PaperNode[] = this.#parse(text, file, 'paper', paperParser);
    // The paper's form cannot say a network's settings, so those that run stay.
    const network = running?.networks.find(({ name }) => name === DEFAULT_NETWORK) ?? {
      name: DEFAULT_NETWORK,
    };
    return lowerPaper(nodes, file, this.diagnostics, { network, proxy });
  }

  readModern(text: string, file: string): Change {
    this.#readFile(text, file, undefined);
    const fallback = this.#networks.values().next().value ?? DEFAULT_NETWORK;
    const units = this.#units.map((unit) => ({ ...unit, network: this.#networkOf(unit.file) ?? fallback }));
    const topology = lowerModern(units, this.diagnostics);
    if (topology.networks.length === 0) topology.networks.push({ name: DEFAULT_NETWORK });
    return { ...emptyChange(), add: topology };
  }

  #readFile(text: string, file: string, includedBy: string | undefined): void {
    this.#includedBy.set(file, includedBy);
    for (const node of this.#parse(text, file, 'modern', modernParser)) {
      if (node.kind === 'include') this.#include(node, file);
      else this.#units.push({ node, file });
      if (node.kind === 'network' && !this.#networks.has(file)) this.#networks.set(file, node.name.image);
    }
  }

  #include({ path: token }: NodeOf<'include'>, from: string): void {
    if (token.tokenType === OpenText) return;
    const path = valueOf(token);
    const file = posix.isAbsolute(path) ? posix.normalize(path) : posix.join(posix.dirname(from), path);
    for (let outer: string | undefined = from; outer !== undefined; outer = this.#includedBy.get(outer)) {
      if (posix.normalize(outer) === file) return this.#failInclude(token, from, includeCycle(path));
    }
    // Statements are a set: a file reached twice says nothing new.
    if (this.#includedBy.has(file)) return;
    if (this.#includedBy.size > MAX_INCLUDES)
      return this.#failInclude(token, from, tooManyIncludes(MAX_INCLUDES));
    if (this.readInclude === undefined) return this.#failInclude(token, from, includeUnsupported());
    let text: string;
    try {
      text = this.readInclude(path, from);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return this.#failInclude(token, from, includeFailed(path, reason));
    }
    if (formOf(text) === 'paper') return this.#failInclude(token, from, includePaper(path));
    this.#readFile(text, file, from);
  }

  #failInclude(token: IToken, from: string, wording: Wording): void {
    this.incomplete = true;
    this.diagnostics.add(spanOf(token, from), wording);
  }

  /** A file without a network statement is in the network of the file that includes it. */
  #networkOf(file: string | undefined): string | undefined {
    for (let at = file; at !== undefined; at = this.#includedBy.get(at)) {
      const network = this.#networks.get(at);
      if (network !== undefined) return network;
    }
    return undefined;
  }

  #parse<N>(text: string, file: string, form: Form, parser: { parse(tokens: IToken[]): Parsed<N> }): N[] {
    if (text.length > MAX_SCRIPT_LENGTH) {
      this.diagnostics.add({ file, line: 1, column: 1, endColumn: 2 }, scriptTooLarge(MAX_SCRIPT_LENGTH));
      return [];
    }
    const tokens = tokenize(text, form);
    for (const token of tokens) {
      if (token.tokenType === OpenText) this.diagnostics.add(spanOf(token, file), openString());
    }
    return cutStatements(tokens, form).flatMap((statement) => {
      const { nodes, error } = parser.parse(statement);
      if (error === undefined) return nodes;
      const { span, wording } = syntaxDiagnostic(error, statement, file, form);
      this.diagnostics.add(span, wording);
      this.incomplete = true;
      if (statement[1]) this.suspects.add(statement[1].image);
      return nodes;
    });
  }
}
