import t from 'tap';
import { importsOf, judge } from './check-imports.mjs';

t.test('reads every form of import, and nothing from comments', async (t) => {
  const source = `
    import { a } from './a.js'; import type { B } from '../b/index.js';
    export * from './c.js';
    export { d, type E } from './d.js';
    import './side-effect.js';
    const lazy = await import('./lazy.js');
    import { isIP, isIPv6 } from 'node:net';
    // import x from './comment.js';
    /* import y from './block.js'; */
  `;
  t.same(importsOf(source), ['./a.js', '../b/index.js', './c.js', './d.js', './side-effect.js', './lazy.js']);
});

const hasDoor = (folder) => folder !== 'cli/verbs';

const ALLOWED = [
  ['cli/program.ts', './verbs/check.js'],
  ['lang/parser.ts', '../core/index.js'],
  ['lang/parser.ts', './tokens.js'],
  ['vnetd/daemon.ts', '../native/index.js'],
  ['vnetd/daemon.ts', './forwarding/index.js'],
  ['vnetd/forwarding/table.ts', '../errors.js'],
  ['vnetd/forwarding/table.ts', '../memory-plane/index.js'],
  ['test/star.test.ts', '../lab/index.js'],
  ['lang/parser.test.ts', 'node:fs'],
  ['vnetd/disk.ts', 'node:fs/promises'],
  ['vadapt/running/solver-thread.ts', 'node:worker_threads'],
  ['vadapt/index.ts', './running/index.js'],
  ['proxy/adaptation/world.ts', '../../vadapt/index.js'],
  ['test/overlay/bed.ts', '../../vnetd/memory-plane/index.js'],
  ['bench/sight/underlay.ts', '../../wren/testbed/index.js'],
];

const REFUSED = [
  ['bin/vnet.ts', '../cli/verbs/check.js', /past the door cli\/index.ts/],
  ['core/mac.ts', '../lang/index.js', /core may not import lang/],
  ['lang/parser.ts', '../core/mac.js', /past the door core\/index.ts/],
  ['wren/index.ts', '../vttif/index.js', /wren may not import vttif/],
  ['vnetd/daemon.ts', '../proxy/index.js', /vnetd may not import proxy/],
  ['cli/route.ts', '../vnetd/index.js', /cli may not import vnetd/],
  ['proxy/star.ts', '../vnetd/forwarding/index.js', /past the door vnetd\/index.ts/],
  ['vnetd/daemon.ts', './forwarding/table.js', /past the door vnetd\/forwarding\/index.ts/],
  ['bin/vnetd.ts', '../vnetd/memory-plane/index.js', /past the door vnetd\/index.ts/],
  ['test/overlay/bed.ts', '../../vnetd/forwarding/index.js', /past the door vnetd\/index.ts/],
  ['proxy/star.ts', '../lab/index.js', /proxy may not import lab/],
  ['vttif/matrix.ts', 'node:fs', /does no I\/O/],
  ['vnetd/forwarding/table.ts', 'node:timers/promises', /does no I\/O/],
  ['vadapt/solvers/greedy.ts', 'node:worker_threads', /does no I\/O/],
  ['vadapt/controller/decide.ts', '../running/index.js', /only its index.ts lets vadapt\/running out/],
];

t.test('lets pass what the directions allow', async (t) => {
  for (const [file, name] of ALLOWED)
    t.equal(judge(file, name, hasDoor), undefined, `${file} imports ${name}`);
});

t.test('refuses wrong directions and imports past a door', async (t) => {
  for (const [file, name, reason] of REFUSED)
    t.match(judge(file, name, hasDoor), reason, `${file} imports ${name}`);
});
