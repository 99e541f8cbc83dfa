/** `npm run bench [-- SECTION...]`: every figure the project claims, beside the paper's or a rival's. */
import { ensurePrivilege } from '../lab/index.js';
import { configurationFigures } from './configuration.js';
import { type Figure, printFigures } from './figure.js';
import { memoryFigures } from './memory.js';
import { throughputFigures } from './throughput.js';

const SECTIONS: Record<string, { title: string; measure(): Promise<Figure[]> }> = {
  configuration: { title: 'Configuration, from the call to the answer', measure: configurationFigures },
  memory: { title: 'Size', measure: memoryFigures },
  throughput: { title: 'One TCP stream between two VMs', measure: throughputFigures },
};

const wanted = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const unknown = wanted.find((name) => !Object.hasOwn(SECTIONS, name));
const privilege = ensurePrivilege();
if (unknown !== undefined) {
  process.stderr.write(`there is no section "${unknown}"; there are: ${Object.keys(SECTIONS).join(', ')}\n`);
  process.exitCode = 1;
} else if (privilege.means !== 'direct') {
  process.stderr.write(`the benchmarks need a lab: ${privilege.reason}\n`);
  process.exitCode = 1;
} else {
  for (const [name, { title, measure }] of Object.entries(SECTIONS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    try {
      const figures = await measure();
      printFigures(title, figures);
      if (figures.some((figure) => figure.met === false)) process.exitCode = 2;
    } catch (error) {
      process.stderr.write(`\n${title}: not measured: ${(error as Error).message}\n`);
      process.exitCode = 1;
    }
  }
}
