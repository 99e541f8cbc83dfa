/**
 * What every data plane does, whatever moves its frames (core/data-plane.ts, DESIGN "TypeScript decides, native
 * moves"). A kind of plane passes when it passes all of this.
 */
import type { Test } from 'tap';
import type { ConformanceCase, PlaneBed } from './bed.js';
import { arrivalTests } from './arrivals.js';
import { configurationTests } from './configuration.js';
import { flowTests } from './flows.js';
import { linkTests } from './links.js';
import { messageTests } from './messages.js';
import { movingTests } from './moving.js';
import { portTests } from './ports.js';

/** Runs the suite as subtests of one named for the kind of plane; each gets a bed of its own. */
export async function planeConformance(
  t: Test,
  name: string,
  makeBed: () => PlaneBed | Promise<PlaneBed>,
): Promise<void> {
  const cases: Record<string, ConformanceCase> = {
    ...flowTests,
    ...portTests,
    ...linkTests,
    ...arrivalTests,
    ...messageTests,
    ...movingTests,
    ...configurationTests,
  };
  await t.test(name, async (t) => {
    for (const [title, run] of Object.entries(cases)) {
      await t.test(title, async (t) => {
        const bed = await makeBed();
        t.teardown(async () => {
          if (!t.passing() && bed.trace) t.comment(bed.trace());
          await bed.close();
        });
        await run(t, bed);
      });
    }
  });
}
