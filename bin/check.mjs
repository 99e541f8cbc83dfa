#!/usr/bin/env node
/** Everything that must hold before a change is handed on: format, lint, import rules, types, unit and native tests. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, setup } from './setup.mjs';

const tool = (name) => join(ROOT, 'node_modules', '.bin', name);

const STEPS = [
  ['format', tool('biome'), 'format', '.'],
  ['lint', tool('oxlint')],
  ['imports', process.execPath, 'bin/check-imports.mjs'],
  ['types', tool('tsc'), '-p', '.', '--noEmit', '--incremental', 'false'],
  ['unit tests', process.execPath, 'bin/test.mjs', '--unit'],
  ['native tests (ASan, UBSan)', 'bash', 'native/test/run.sh'],
];

/** All steps run, so that one sees everything at once. */
function runStep([name, command, ...args]) {
  console.log(`\n== ${name}`);
  if (command === 'bash' && !existsSync(join(ROOT, args[0]))) {
    console.log(`${args[0]} is missing`);
    return { name, ok: false };
  }
  return { name, ok: spawnSync(command, args, { cwd: ROOT, stdio: 'inherit' }).status === 0 };
}

if (setup({ purpose: 'build' }).ok) {
  const results = STEPS.map(runStep);
  console.log(`\n${results.map(({ name, ok }) => `${ok ? 'ok    ' : 'FAILED'} ${name}`).join('\n')}`);
  process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
} else {
  process.exitCode = 1;
}
