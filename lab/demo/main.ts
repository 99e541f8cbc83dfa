/** `npm run demo [-- CHAPTER] [--keep] [--lab NAME]`: two of different names run side by side. */
import { parseArgs } from 'node:util';
import { adaptChapter } from './adapt.js';
import { PROXY_SOCKET } from './demo-overlay.js';
import { migrateChapter } from './migrate.js';
import { sightChapter } from './sight.js';
import { starChapter } from './star.js';
import { Stage } from './stage.js';

const CHAPTERS = {
  star: starChapter,
  sight: sightChapter,
  migrate: migrateChapter,
  adapt: adaptChapter,
} as const;

const DEFAULT_LAB = 'demo';

const { values, positionals } = wordsOf(process.argv.slice(2));
const keep = values.keep === true;
const name = positionals[0] ?? 'star';
const chapter = Object.hasOwn(CHAPTERS, name) ? CHAPTERS[name as keyof typeof CHAPTERS] : undefined;
if (!chapter) refuse(`there is no chapter "${name}"; there are: ${Object.keys(CHAPTERS).join(', ')}`);

const stage = new Stage(PROXY_SOCKET, values.lab ?? DEFAULT_LAB);
let interrupted = false;
const finish = async () => {
  if (keep && !interrupted && process.exitCode === undefined) await stage.keep();
  else await stage.close();
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interrupted = true;
    void finish().finally(() => process.exit(130));
  });
}
try {
  await chapter(stage, keep);
} catch (error) {
  process.stderr.write(`\nthe demo stopped: ${(error as Error).message}\n`);
  process.exitCode = 1;
} finally {
  await finish();
}

function wordsOf(args: string[]) {
  try {
    const options = { keep: { type: 'boolean' }, lab: { type: 'string' } } as const;
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function refuse(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
