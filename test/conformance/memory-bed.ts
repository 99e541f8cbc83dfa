/** The memory plane as a bed, on a clock that moves only when told. */
import { ManualClock, seededRandom } from '../../core/index.js';
import { createMemoryPlane, MemoryFabric } from '../../vnetd/memory-plane/index.js';
import type { PlaneBed } from './bed.js';

/** The event loop's turns that whatever is under way needs to arrive: a hop and an answer take a few each. */
const SETTLE_TURNS = 3;

export function memoryBed(): PlaneBed & { fabric: MemoryFabric } {
  const clock = new ManualClock();
  const random = seededRandom(1);
  const fabric = new MemoryFabric({ clock, random });
  const planes: { close(): void }[] = [];
  return {
    fabric,
    plane(name, handlers) {
      const plane = createMemoryPlane(handlers, fabric, { clock, random, name });
      planes.push(plane);
      return { plane, address: name, port: plane.listen(name, 0).port };
    },
    async openPort({ plane }, config, name) {
      plane.openPort({ ...config, spec: `memory:${name}` });
      return fabric.port(plane, name);
    },
    spec: (name) => `memory:${name}`,
    noise: (to, bytes) => fabric.inject(to, bytes),
    setPath: (a, b, up) => fabric.setPath(a.address, b.address, { up }),
    trace: () => fabric.trace(),
    async pass(ms) {
      for (let turn = 0; turn < SETTLE_TURNS; turn += 1) await new Promise(setImmediate);
      clock.advance(ms);
      await new Promise(setImmediate);
    },
    async close() {
      for (const plane of planes) plane.close();
    },
  };
}
