/** The chapter on adaptation: an application is slow, a plan, its gain, and then by itself. */
import t from 'tap';
import { listLabs } from '../../lab/index.js';
import { needNamespaces } from '../namespaces/index.js';
import { tell } from './chapter.js';

const CHAPTER_MS = 170_000;
const skip = needNamespaces();
t.setTimeout(CHAPTER_MS);

t.test('adapt.vnet in its lab, as the demonstration tells it', { skip }, async (t) => {
  const { code, text, lab } = await tell('adapt');
  t.equal(code, 0, code === 0 ? 'it ends well' : text);
  t.match(text, /lab {2}all-to-all of 8/, 'what runs is inferred');
  t.match(
    text,
    /Plan \S+ for lab[\s\S]*> move p\d {2}\w (?:->|→) \w[\s\S]*Flows[\s\S]*Worth it: /,
    'what would help, and why',
  );
  t.match(text, /Applied\. \d moves?, /);
  const times = [...text.matchAll(/ ([\d.]+) times$/gm)].map(([, ratio]) => Number(ratio));
  t.equal(times.length, 2, 'before and after, by hand and by itself');
  t.ok((times[0] ?? 0) > 1, `faster: ${times.join(', ')} times`);
  t.match(text, /predicted, \+?-?\d+% measured: /);
  t.match(text, / auto +(applied|kept|taken-back) /, 'it acted by itself');
  t.notOk(listLabs().some(({ name }) => name === lab));
});
