/** The solvers in numbers: `npm run bench -- adapt/solvers`. */
import type { Figure } from '../figure.js';
import { realFigures } from './solver-real.js';
import { scaleFigures } from './solver-scale.js';
import { suiteFigures } from './solver-suite.js';

export const SOLVER_SECTIONS: Record<string, { title: string; measure(): Promise<Figure[]> }> = {
  'adapt/solvers/stored': {
    title: 'Solvers on stored instances with proven bounds, 200 ms',
    measure: suiteFigures,
  },
  'adapt/solvers/real': {
    title: 'Solvers on measured networks and recorded applications',
    measure: realFigures,
  },
  'adapt/solvers/scale': { title: 'Solvers at scale, and after a change', measure: scaleFigures },
};
