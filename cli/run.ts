/** One invocation of the command: its options, its screen, its connection; and how a verb is declared. */
import type { Command } from 'commander';
import { type ControlClient, type LocalView, type OverlayView, VnetError } from '../core/index.js';
import { type CliContext, DEFAULT_SOCKET } from './context.js';
import { NameBook } from './names.js';
import { type Glyphs, glyphsFor, makePalette, type Palette, wantsColour } from './palette.js';
import { type Column, table, wrap } from './table.js';

/** Options that every verb takes. */
export interface GlobalOptions {
  socket?: string;
  host?: string;
  json?: boolean;
  color: boolean;
}

/** Ends the command with this exit code after everything has been said already. */
export class ExitWith extends Error {
  constructor(readonly exitCode: number) {
    super(`exit ${exitCode}`);
  }
}

const PROSE_COLUMNS = 96;

export class Run {
  readonly paint: Palette;
  readonly glyphs: Glyphs;
  #client: ControlClient | undefined;
  #socket: string | undefined;
  #texts = new Map<string, string>();

  constructor(
    readonly context: CliContext,
    readonly options: GlobalOptions,
  ) {
    this.paint = makePalette(wantsColour(context.stdout, context.env, options.color));
    this.glyphs = glyphsFor(context.env);
  }

  /** Whether what goes to standard error is coloured. */
  get colourErrors(): boolean {
    return wantsColour(this.context.stderr, this.context.env, this.options.color);
  }

  /** A file's text; read once, since standard input can be read no second time. */
  readText(path: string): string {
    const known = this.#texts.get(path);
    if (known !== undefined) return known;
    const text = this.context.readFile(path);
    this.#texts.set(path, text);
    return text;
  }

  get json(): boolean {
    return this.options.json === true;
  }

  /** What the command would connect to without `--socket`. */
  get usualSocket(): string {
    return this.context.env['VNET_SOCKET'] || DEFAULT_SOCKET;
  }

  /** Where the daemon listens: `--socket`, VNET_SOCKET, or the usual place. */
  get socket(): string {
    return this.#socket ?? this.options.socket ?? this.usualSocket;
  }

  /** From now on, talk to the daemon at this socket. */
  connectTo(socket: string): void {
    this.close();
    this.#socket = socket;
  }

  /** Connected when first asked for; `close` ends it. */
  get client(): ControlClient {
    this.#client ??= this.context.connect(this.socket);
    return this.#client;
  }

  close(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  print(...lines: string[]): void {
    for (const line of lines) this.context.stdout.write(`${line}\n`);
  }

  /** Said beside the result, so it never mixes with what a pipe reads. */
  note(...lines: string[]): void {
    for (const line of lines) this.context.stderr.write(`${line}\n`);
  }

  printJson(value: unknown): void {
    this.print(JSON.stringify(value, null, 2));
  }

  printTable(columns: Column[], rows: string[][], nothing: string): void {
    if (rows.length === 0) return this.print(this.paint.faint(nothing));
    const width = this.context.stdout.columns;
    const style = { title: this.paint.strong, ellipsis: this.glyphs.ellipsis };
    this.print(...table(columns, rows, width === undefined ? style : { ...style, columns: width }));
  }

  /** The daemon asked for with `--host`, or the one at the socket. */
  async view(): Promise<LocalView> {
    const { host } = this.options;
    return host === undefined ? await this.client.local() : await this.client.hostView(host);
  }

  /** The overlay as the Proxy sees it; undefined while the Proxy is away. */
  async overlayIfReachable(): Promise<OverlayView | undefined> {
    try {
      return await this.client.overview();
    } catch (thrown) {
      if (VnetError.from(thrown).code !== 'VNET_ERR_UNREACHABLE') throw thrown;
      return undefined;
    }
  }

  /** Names as far as they are known: listing rules must work while the Proxy is away. */
  async names(): Promise<NameBook> {
    return new NameBook(await this.overlayIfReachable());
  }
}

export interface VerbSpec {
  /** In commander's form: `route <from> <to>`. */
  usage: string;
  /** A few words for the list of verbs. */
  summary: string;
  /** A paragraph: what it does, when one wants it. */
  about: string;
  /** Command lines without `vnet`, each with what it does. */
  examples: [command: string, effect: string][];
  /** Heading in the list of verbs. */
  group?: string;
  alias?: string;
}

export const GROUPS = {
  look: 'Look:',
  explain: 'Explain:',
  change: 'Change:',
  run: 'Start and stop:',
  more: 'More:',
} as const;

/** Adds a verb with its help; the lab's verbs use it too. Its action is set with `act`. */
export function addVerb(parent: Command, spec: VerbSpec): Command {
  const command = parent.command(spec.usage).summary(spec.summary);
  command.description(wrap(spec.about, PROSE_COLUMNS).join('\n'));
  if (spec.group !== undefined) command.helpGroup(spec.group);
  if (spec.alias !== undefined) command.alias(spec.alias);
  const lines = spec.examples.flatMap(([line, effect]) => [`  vnet ${line}`, `      ${effect}`]);
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
  return command;
}

/** Sets what a verb does: `work` gets the run, the arguments and the verb's own options. */
export function act<Arguments extends unknown[], Options extends object = Record<string, never>>(
  command: Command,
  context: CliContext,
  work: (run: Run, options: Options, ...values: Arguments) => Promise<void>,
): Command {
  return command.action(async (...received: unknown[]) => {
    const run = new Run(context, command.optsWithGlobals<GlobalOptions>());
    try {
      await work(run, command.opts() as Options, ...(received.slice(0, -2) as Arguments));
    } finally {
      run.close();
    }
  });
}
