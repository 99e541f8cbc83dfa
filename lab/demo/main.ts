/** `npm run demo [-- CHAPTER] [--keep]`. */
import { PROXY_SOCKET } from './demo-overlay.js';
import { migrateChapter } from './migrate.js';
import { sightChapter } from './sight.js';
import { starChapter } from './star.js';
import { Stage } from './stage.js';

const CHAPTERS = { star: starChapter, sight: sightChapter, migrate: migrateChapter } as const;

const words = process.argv.slice(2);
const keep = words.includes('--keep');
const name = words.find((word) => !word.startsWith('-')) ?? 'star';
const chapter = Object.hasOwn(CHAPTERS, name) ? CHAPTERS[name as keyof typeof CHAPTERS] : undefined;
if (!chapter) {
  process.stderr.write(`there is no chapter "${name}"; there are: ${Object.keys(CHAPTERS).join(', ')}\n`);
  process.exit(1);
}

const stage = new Stage(PROXY_SOCKET);
let interrupted = false;
const finish = async () => {
  if (!(keep && !interrupted && process.exitCode === undefined)) await stage.close();
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
