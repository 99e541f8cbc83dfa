/** A script for each thing that can be wrong with one, and what is said of it, by subject. */
import type { Case } from './case.js';
import { EDGES } from './edges.js';
import { FORWARDING } from './forwarding.js';
import { INCLUDES } from './includes.js';
import { MACHINES } from './machines.js';
import { NAMES } from './names.js';
import { PAPER } from './paper.js';
import { PROMISES } from './promises.js';
import { SYNTAX } from './syntax.js';
import { VALUES } from './values.js';
import { WARNINGS } from './warnings.js';

export { FILES } from './case.js';

export const CASES: readonly Case[] = [
  ...SYNTAX,
  ...INCLUDES,
  ...VALUES,
  ...NAMES,
  ...MACHINES,
  ...EDGES,
  ...FORWARDING,
  ...PROMISES,
  ...PAPER,
  ...WARNINGS,
];
