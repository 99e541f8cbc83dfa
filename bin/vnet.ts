/** The `vnet` command: the CLI's verbs and the lab's, joined to the real world. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { join } from 'node:path';
import { buildProgram, type CliContext, runCli } from '../cli/index.js';
import { connectControl, systemClock } from '../core/index.js';
import { labCommands } from '../lab/index.js';
import { processLauncher } from './launcher.js';

const packageFile = new URL('../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };

const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
// A reader that went away (`vnet rules | head`) is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const context: CliContext = {
  connect: connectControl,
  stdout: stream(process.stdout),
  stderr: stream(process.stderr),
  stdin: { isTTY: process.stdin.isTTY === true, confirm },
  env: process.env,
  readFile: (path) => readFileSync(path === '-' ? 0 : path, 'utf8'),
  launcher: processLauncher(join(process.env['XDG_RUNTIME_DIR'] ?? '/run', 'vnet', 'started.json')),
  clock: systemClock,
  signal: interrupted.signal,
  version,
};

const program = buildProgram(context);
labCommands(program);
process.exitCode = await runCli(process.argv.slice(2), context, program);

function stream(target: NodeJS.WriteStream): CliContext['stdout'] {
  return {
    write: (text) => void target.write(text),
    isTTY: target.isTTY === true,
    ...(target.columns === undefined ? {} : { columns: target.columns }),
  };
}

async function confirm(question: string): Promise<boolean> {
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question(question, { signal: interrupted.signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    return false; // Ctrl-C, or the terminal went away.
  } finally {
    prompt.close();
  }
}
