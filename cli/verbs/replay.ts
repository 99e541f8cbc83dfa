import type { Command } from 'commander';
import type { SightParameters } from '../../core/index.js';
import { Replay, type ReplayedDeclaration } from '../../vttif/index.js';
import type { CliContext } from '../context.js';
import { duration, plural, share, timeMs } from '../format.js';
import { moment } from '../moment.js';
import { recordedSteps } from '../recorder/index.js';
import { act, addVerb, GROUPS, type Run } from '../run.js';
import { headingText, topologyLines } from '../topology-text.js';
import { SMOOTHING_MS, THRESHOLD_MIN, UPDATE_MS } from './sight.js';

const EVERY_MS = [100, 86_400_000] as const;

interface Options {
  update?: string;
  smoothing?: string;
  threshold?: string;
  every?: string;
  draw?: boolean;
  network?: string;
}

export function addReplay(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'replay <file>',
    group: GROUPS.explain,
    summary: 'run the inference again on a recorded matrix',
    about:
      'Reads what `vnet record` wrote and runs it through the same matrix, smoothing and inference as the Proxy ' +
      'does, as fast as it can, and prints each topology that is declared, with its time. The parameters are those ' +
      'of the recording unless others are given: so one finds the smoothing and the threshold that suit an ' +
      'application, without it. No daemon is needed. A name that ends in .gz is unpacked, `-` is standard input.',
    examples: [
      ['replay run.vnetlog', 'as it was declared then'],
      ['replay run.vnetlog --smoothing 5s --threshold 5%', 'what would have been declared'],
      ['replay run.vnetlog --draw', 'with a drawing of each'],
      ['replay run.vnetlog --json | jq -r .text', 'a document a line, for scripts'],
    ],
  })
    .option('--update <time>', 'period of the evaluation')
    .option('--smoothing <time>', 'rates are means over this')
    .option('--threshold <share>', 'pairs below this share of the busiest are left out')
    .option('--every <time>', 'also say how it stands, this often in the time of the recording')
    .option('--draw', 'draw what is declared')
    .option('--network <name>', 'only this one');
  act<[string], Options>(command, context, async (run, options, path) => {
    const changes = parametersOf(options);
    const everyMs = options.every === undefined ? undefined : timeMs(options.every, 'a period', ...EVERY_MS);
    const player = new Player(run, options, everyMs);
    for await (const { step, parameters } of recordedSteps(path)) {
      player.step(step, { ...parameters, ...changes }, parameters);
      if (context.signal.aborted) break;
    }
    player.end(path);
  });
}

function parametersOf({ update, smoothing, threshold }: Options): Partial<SightParameters> {
  return {
    ...(update === undefined ? {} : { updateMs: timeMs(update, 'a period', ...UPDATE_MS) }),
    ...(smoothing === undefined ? {} : { smoothingMs: timeMs(smoothing, 'an interval', ...SMOOTHING_MS) }),
    ...(threshold === undefined
      ? {}
      : { detectionThreshold: share(threshold, 'a threshold', THRESHOLD_MIN, 1) }),
  };
}

/** Prints what the replay declares. */
class Player {
  #replay: Replay | undefined;
  #startMs = 0;
  #lastMs = 0;
  #saidMs = 0;
  #steps = 0;
  #declared = 0;

  constructor(
    readonly run: Run,
    readonly options: Options,
    readonly everyMs: number | undefined,
  ) {}

  step(
    step: Parameters<Replay['step']>[0],
    parameters: SightParameters,
    recordedWith: SightParameters,
  ): void {
    this.#steps++;
    if (!this.#replay) {
      this.#replay = new Replay(recordedWith, parameters);
      this.#startMs = step.atMs;
      this.#saidMs = step.atMs;
    }
    this.#lastMs = step.atMs;
    for (const declaration of this.#replay.step(step)) this.#declare(declaration);
    if (this.everyMs !== undefined && step.atMs - this.#saidMs >= this.everyMs) {
      this.#saidMs = step.atMs;
      this.#standing(step.atMs);
    }
  }

  end(path: string): void {
    // That nothing follows the last step is the recording's end, not the application's.
    for (const declaration of this.#replay?.end() ?? [])
      if (declaration.state !== 'silent') this.#declare(declaration);
    if (this.run.json) return;
    const { faint } = this.run.paint;
    if (this.#steps === 0)
      return this.run.print(faint(`${path} has no steps: nothing was sent while it was recorded.`));
    this.run.print(
      faint(
        `${plural(this.#declared, 'declaration')} in ${plural(this.#steps, 'step')} of ${duration(this.#lastMs - this.#startMs)}`,
      ),
    );
  }

  #wanted(network: string): boolean {
    return this.options.network === undefined || this.options.network === network;
  }

  #declare(declaration: ReplayedDeclaration): void {
    const { atMs, network, text, state } = declaration;
    if (!this.#wanted(network) || !this.#replay) return;
    this.#declared++;
    const topology = this.#replay.topology(network);
    if (this.run.json) return this.run.print(JSON.stringify({ ...declaration, topology }));
    const { strong, warn, faint } = this.run.paint;
    const paint = state === 'union' ? warn : state === 'silent' ? faint : strong;
    this.run.print(`${this.#time(atMs)}  ${network}  ${paint(text)}`);
    if (this.options.draw && state !== 'silent')
      this.run.print(...topologyLines(this.run, topology, new Map(), 'few').slice(1), '');
  }

  /** How it stands, declared or not. */
  #standing(atMs: number): void {
    for (const network of this.#replay?.networks() ?? []) {
      if (!this.#wanted(network) || !this.#replay) continue;
      const topology = this.#replay.topology(network);
      if (this.run.json) this.run.print(JSON.stringify({ atMs, network, standing: true, topology }));
      else this.run.print(this.run.paint.faint(`${this.#time(atMs)}  ${network}  ${headingText(topology)}`));
    }
  }

  /** Of the recording: the clock's, and since its beginning. */
  #time(atMs: number): string {
    const since = `+${duration(Math.max(0, atMs - this.#startMs))}`;
    return `${moment(new Date(atMs).toISOString())}  ${since.padStart(9)}`;
  }
}
