/** The paper's experiments on adaptation again, in the lab: `npm run bench -- adapt`. README.md, one folder up. */
import type { Figure } from '../figure.js';
import { loadStudy, ratioStudy } from './bsp-study.js';
import type { StudyOptions } from './options.js';
import { quietStudy } from './quiet-study.js';
import { reservationStudy } from './reservation-study.js';
import { residualStudy } from './residual-study.js';
import { scaleStudy, setupStudy } from './setup-study.js';
import { runStudy, type Study } from './study.js';
import { webStudy } from './web-study.js';

export { readOptions, STUDY_OPTIONS } from './options.js';
export { SOLVER_SECTIONS } from './solvers.js';

const STUDIES: readonly Study[] = [
  setupStudy,
  reservationStudy,
  ratioStudy,
  loadStudy,
  webStudy,
  scaleStudy,
  residualStudy,
  quietStudy,
];

/** As `--figure` names them. */
export const adaptFigures: readonly string[] = STUDIES.map(({ figure }) => figure);

/** By section: `adapt/13` and so on; with `--figure`, of these alone. */
export function adaptSections(
  options: StudyOptions,
): Record<string, { title: string; measure(): Promise<Figure[]> }> {
  const { figures } = options;
  return Object.fromEntries(
    STUDIES.filter(({ figure }) => figures.length === 0 || figures.includes(figure)).map((study) => [
      `adapt/${study.figure}`,
      { title: study.title, measure: () => runStudy(study, options) },
    ]),
  );
}
