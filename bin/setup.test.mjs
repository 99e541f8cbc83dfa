import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { addonCurrent, removeLeftovers } from './setup-build.mjs';
import { installCommand } from './setup-install.mjs';
import { lookNode, lookStaticBusybox, missingPackages, nodeHeaders, widenPath } from './setup-look.mjs';
import { checklist } from './setup.mjs';
import { Tally } from './tally.mjs';

/** A tree of files under tap's own temporary folder, which it removes. */
function tree(t, files) {
  const root = t.testdir({});
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return root;
}

const lock = (packages) => ({ packages: { '': {}, ...packages } });

t.test('npm packages: missing, of another version, optional', async (t) => {
  const root = tree(t, {
    'package-lock.json': lock({
      'node_modules/there': { version: '1.0.0' },
      'node_modules/old': { version: '2.0.0' },
      'node_modules/gone': { version: '1.0.0' },
      'node_modules/other-system': { version: '1.0.0', optional: true },
    }),
    'node_modules/.package-lock.json': lock({
      'node_modules/there': { version: '1.0.0' },
      'node_modules/old': { version: '1.0.0' },
      'node_modules/gone': { version: '1.0.0' },
    }),
    'node_modules/there/package.json': {},
    'node_modules/old/package.json': {},
  });
  t.same(missingPackages(root), ['old', 'gone']);
});

t.test('an old Node is missing, with what to do', async (t) => {
  t.equal(lookNode('22.1.0').have, '22.1.0');
  t.equal(lookNode('18.19.0').have, undefined);
  t.match(checklist([lookNode('18.19.0')]), /- +Node +this is Node 18.19.0, for: runs everything/);
});

t.test('Node headers are taken from beside node only if they are of its version', async (t) => {
  const root = tree(t, {
    'include/node/node_api.h': '',
    'include/node/node_version.h': '#define NODE_MAJOR_VERSION 20\n',
  });
  t.equal(nodeHeaders(join(root, 'bin', 'node'), '20.1.0'), root);
  t.equal(nodeHeaders(join(root, 'bin', 'node'), '22.1.0'), undefined);
  t.equal(nodeHeaders('/nowhere/bin/node', '20.1.0'), undefined);
});

t.test('a busybox that is not static is left where it is', async (t) => {
  const root = tree(t, { dynamic: '\x7fELF /lib64/ld-linux-x86-64.so.2', static: '\x7fELF' });
  t.match(lookStaticBusybox(join(root, 'dynamic')), {
    packages: [],
    problem: /not static/,
    cure: /busybox-static/,
  });
  t.same(lookStaticBusybox(join(root, 'static')), { have: 'there', packages: [] });
});

t.test('system folders are added to PATH once', async (t) => {
  const env = { PATH: '/usr/bin:/usr/sbin' };
  widenPath(env);
  widenPath(env);
  t.equal(env.PATH, '/usr/bin:/usr/sbin:/usr/local/sbin:/sbin');
});

t.test('what is compiled from a source that is gone is removed', async (t) => {
  const root = tree(t, {
    'core/a.ts': '',
    'out/core/a.js': '',
    'out/core/b.test.js': '',
    'out/core/b.test.js.map': '',
  });
  t.equal(removeLeftovers(root), 2);
  t.ok(existsSync(join(root, 'out/core/a.js')));
});

t.test('an addon without a stamp of its sources is not current', async (t) => {
  t.ok(addonCurrent(tree(t, {})), 'no sources, nothing to build');
  const root = tree(t, {
    'native/binding.gyp': '{}',
    'native/build/Release/plane.node': '',
    'native/build/.stamp': 'x',
  });
  t.notOk(addonCurrent(root));
});

t.test('the one command names all packages', async (t) => {
  t.match(installCommand(['g++', 'make']), /g\+\+ make/);
});

const TAP = `TAP version 14
# Subtest: out/a.test.js
    # Subtest: group
        # Subtest: first
            ok 1 - should be equal
            ok 2 - should be equal
            1..2
        ok 1 - first # time=2.92ms
        # Subtest: second
            not ok 1 - should be equal
              ---
              source: |
                ok 7 - not a test point
              ...
            1..1
        not ok 2 - second # time=1ms
          ---
          at: here
          ...
        ok 3 - third # SKIP needs root
        1..3
    not ok 1 - group # time=22.055ms
    # Subtest: with a skipped part
        ok 1 - part # SKIP no /dev/net/tun
        ok 2 - rest
        1..2
    ok 2 - with a skipped part # time=1ms
    ok 3 - later # TODO someday
    1..3
not ok 1 - out/a.test.js # time=40.309ms
ok 2 - out/b.test.js # SKIP needs root
# Subtest: out/c.test.js
    ok 1 - plain
    1..1
ok 3 - out/c.test.js # time=3ms
# Subtest: out/d.test.js
    # Subtest: fine
        ok 1 - x
        1..1
    ok 1 - fine # time=1ms
not ok 4 - out/d.test.js # time=3ms
ok 5 - out/e.test.js # time=3ms {
    ok 1 - buffered {
        ok 1 - x
        1..1
    }
    1..1
}
# Subtest: out/f.test.js
    # Subtest: dies
        not ok 1 - test unfinished
        1..1
    1..0 # no tests found
not ok 6 - out/f.test.js # time=3ms
1..6`;

t.test('tests are counted from TAP, not assertions', async (t) => {
  const tally = new Tally();
  const files = TAP.split('\n').flatMap((line) => tally.push(line) ?? []);
  t.equal(String(tally), '5 passed, 3 failed, 4 skipped');
  t.same(tally.failures, ['out/a.test.js > group > second', 'out/d.test.js', 'out/f.test.js']);
  t.match(tally.skipReport(), /^ {2}2 x needs root\n {6}out\/a\.test\.js > group > third\n/);
  t.same(
    files.map(({ ok }) => ok),
    [false, true, true, false, true, false],
  );
});
