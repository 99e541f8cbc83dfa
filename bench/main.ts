/**
 * `npm run bench [-- SECTION...]`: every figure the project claims, beside the paper's or a rival's. `sight` stands for all
 * sections below it (`sight/traffic` and so on). README.md has the options of `adapt`.
 */
import { parseArgs } from 'node:util';
import { ensurePrivilege } from '../lab/index.js';
import { adaptFigures, adaptSections, readOptions, SOLVER_SECTIONS, STUDY_OPTIONS } from './adapt/index.js';
import { configurationFigures } from './configuration.js';
import { Absent, type Figure, printFigures } from './figure.js';
import { memoryFigures } from './memory.js';
import { migrationFigures } from './migration/migration.js';
import { costFigures } from './sight/cost.js';
import { reactionFigures } from './sight/reaction.js';
import { trafficAccuracyFigures } from './sight/traffic-accuracy.js';
import { trafficRealFigures } from './sight/traffic-real.js';
import { trafficScaleFigures } from './sight/traffic-scale.js';
import { trafficStudyFigures } from './sight/traffic-study.js';
import { underlayFigures } from './sight/underlay.js';
import { throughputFigures } from './throughput.js';

const { options, words } = readWords();
/** `--figure` names figures of `adapt` alone. */
const wanted = words.length === 0 && options.figures.length > 0 ? ['adapt'] : words;

interface Section {
  title: string;
  measure(): Promise<Figure[]>;
}

const SECTIONS: Record<string, Section> = {
  configuration: { title: 'Configuration, from the call to the answer', measure: configurationFigures },
  memory: { title: 'Size', measure: memoryFigures },
  migration: { title: 'A VM moves', measure: migrationFigures },
  throughput: { title: 'One TCP stream between two VMs', measure: throughputFigures },
  'sight/accuracy': { title: 'Topologies named rightly', measure: trafficAccuracyFigures },
  'sight/study': { title: 'Reaction and accuracy over the three parameters', measure: trafficStudyFigures },
  'sight/real': { title: 'Real communication matrices, heavy pairs kept', measure: trafficRealFigures },
  'sight/scale': {
    title: '1,000 VMs, 100,000 live pairs, 10 updates a second',
    measure: trafficScaleFigures,
  },
  'sight/reaction': { title: 'A new topology among real VMs', measure: reactionFigures },
  'sight/cost': { title: 'What seeing costs', measure: costFigures },
  'sight/underlay': { title: 'The underlay, beside the truth', measure: underlayFigures },
  ...adaptSections(options),
  ...(options.figures.length === 0 ? SOLVER_SECTIONS : {}),
};

const covers = (word: string, section: string) => section === word || section.startsWith(`${word}/`);
const unknown = wanted.find((word) => !Object.keys(SECTIONS).some((section) => covers(word, section)));
const privilege = ensurePrivilege();
if (unknown !== undefined) {
  process.stderr.write(`there is no section "${unknown}"; there are: ${Object.keys(SECTIONS).join(', ')}\n`);
  process.exitCode = 1;
} else if (privilege.means !== 'direct') {
  process.stderr.write(`the benchmarks need a lab: ${privilege.reason}\n`);
  process.exitCode = 1;
} else {
  for (const [name, { title, measure }] of Object.entries(SECTIONS)) {
    if (wanted.length > 0 && !wanted.some((word) => covers(word, name))) continue;
    try {
      const figures = await measure();
      printFigures(title, figures);
      if (figures.some((figure) => figure.met === false)) process.exitCode = 2;
    } catch (error) {
      const skipped = error instanceof Absent;
      process.stderr.write(
        `\n${title}: ${skipped ? 'skipped' : 'not measured'}: ${(error as Error).message}\n`,
      );
      if (!skipped) process.exitCode = 1;
    }
  }
}

function readWords() {
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: STUDY_OPTIONS });
    return { options: readOptions(values, adaptFigures), words: positionals };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(1);
  }
}
