/** A chapter of the demonstration, told to a test. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { labName } from '../namespaces/index.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const DEMO = fileURLToPath(new URL('../../lab/demo/main.js', import.meta.url));

/** In a lab of this test's own, so that a demo which is up beside it does not matter. `lab`: its name. */
export async function tell(chapter: string): Promise<{ code: number; text: string; lab: string }> {
  const lab = labName(chapter.slice(0, 1));
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, DEMO, chapter, '--lab', lab], {
    env: { ...process.env, NO_COLOR: '1' },
    cwd: ROOT,
  });
  let text = '';
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (part: string) => (text += part));
  const code = await new Promise<number>((resolve) => child.once('close', (exit) => resolve(exit ?? 255)));
  return { code, text, lab };
}
