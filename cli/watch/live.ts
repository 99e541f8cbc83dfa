/** Keeps a screen on the terminal until q, Ctrl-C or the end of the run; the terminal is as before afterwards. */
import { pause } from '../pause.js';
import type { Run } from '../run.js';
import { systemTerminal } from '../system/index.js';
import type { Size } from './screen.js';

const ESCAPE = '\u001b[';
const ENTER = `${ESCAPE}?1049h${ESCAPE}?25l`;
const LEAVE = `${ESCAPE}?25h${ESCAPE}?1049l`;
const HOME = `${ESCAPE}H`;
const TO_LINE_END = `${ESCAPE}K`;
const TO_SCREEN_END = `${ESCAPE}J`;
const QUIT_KEYS = new Set(['q', 'Q', '\u0003', '\u0004', '\u001b']);

/**
 * `draw` gives the lines for a size; `refresh` learns what is new, every `everyMs`, one at a time. Resolves when the
 * person has seen enough or `ended` is aborted; it is aborted then, for what goes on beside the screen.
 */
export async function liveScreen(
  run: Run,
  everyMs: number,
  draw: (size: Size) => string[],
  refresh: () => Promise<void>,
  ended: AbortController,
): Promise<void> {
  const { stdout } = run.context;
  const terminal = run.context.terminal ?? systemTerminal;
  const paint = (): void => {
    const lines = draw(terminal.size()).map((line) => line + TO_LINE_END);
    stdout.write(HOME + lines.join('\r\n') + TO_SCREEN_END);
  };
  const stop = (): void => ended.abort();
  const releases = [
    terminal.onKey((keys) => {
      if (QUIT_KEYS.has(keys) || keys.includes('q')) stop();
    }),
    terminal.onResize(paint),
  ];
  stdout.write(ENTER);
  try {
    while (!ended.signal.aborted) {
      await refresh();
      if (ended.signal.aborted) break;
      paint();
      await pause(run, everyMs, ended.signal);
    }
  } finally {
    for (const release of releases) release();
    stdout.write(LEAVE);
  }
}
