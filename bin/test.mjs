#!/usr/bin/env node
/**
 * Sets up, builds, runs the tests, lists skips by cause, and ends with the line
 * `N passed, N failed, N skipped`. Exits with 1 when a test fails or none ran.
 *
 *   npm test [-- [--unit] [--verbose] PART...]
 *
 * `--unit` leaves out test/ and examples/ (namespaces, faults, end to end); `--verbose` shows the whole TAP; a PART
 * selects the files whose path contains it.
 *
 * What runs whole daemons against the machine's clock (test/, examples/) has a second try where no more than three files
 * failed. Files that passed only then are listed as such: each is a defect of its own, of the test or of what it tests.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { filesBelow } from './setup-build.mjs';
import { ROOT, setup } from './setup.mjs';
import { Tally } from './tally.mjs';

const NOT_UNIT = /^out\/(test|examples)\//;
const SECOND_TRIES_MAX = 3;

/** The test files, relative to the root: the compiled ones and those of bin's own tools. */
export function testFiles(root, { unit, parts }) {
  const compiled = filesBelow(join(root, 'out')).filter((file) => file.endsWith('.test.js'));
  const tools = filesBelow(join(root, 'bin')).filter((file) => file.endsWith('.test.mjs'));
  return [...tools, ...compiled]
    .map((file) => relative(root, file))
    .filter((file) => !(unit && NOT_UNIT.test(file)))
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
}

/** Runs tap on the files; shows a line a file and the whole output of those that fail. Tallies by file, in order. */
async function runTap(root, files, verbose) {
  const tap = join(root, 'node_modules', '.bin', 'tap');
  const child = spawn(tap, ['run', '--reporter=tap', ...files], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)));
  const tallies = new Map();
  let tally = new Tally();
  let pending = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (verbose) console.log(line);
    else pending.push(line);
    const file = tally.push(line);
    if (!file) continue;
    if (!verbose && !file.ok) console.log(pending.join('\n'));
    console.log(`${file.ok ? 'ok    ' : 'FAILED'} ${file.file}`);
    tallies.set(file.file, tally);
    tally = new Tally();
    pending = [];
  }
  const code = await ended;
  if (code !== 0 && ![...tallies.values()].some(({ failed }) => failed > 0)) {
    console.log(pending.join('\n'));
    tally.addFailure(`tap ended with exit code ${code}`);
    tallies.set('tap', tally);
  }
  return tallies;
}

/** Replaces the tallies of files that pass at a second try. Returns their names. */
async function tryAgain(root, tallies, verbose) {
  const failed = [...tallies].filter(([, tally]) => tally.failed > 0).map(([file]) => file);
  const mayPass = failed.length <= SECOND_TRIES_MAX && failed.every((file) => NOT_UNIT.test(file));
  if (failed.length === 0 || !mayPass) return [];
  console.log('\nA second try:');
  const second = await runTap(root, failed, verbose);
  const passed = failed.filter((file) => second.get(file)?.failed === 0);
  for (const file of passed) tallies.set(file, second.get(file));
  return passed;
}

function report(tally, passedLater) {
  if (tally.failures.length > 0)
    console.log(`\nFailed:\n${tally.failures.map((name) => `  ${name}`).join('\n')}`);
  if (tally.skips.length > 0) console.log(`\nSkipped, by cause:\n${tally.skipReport()}`);
  if (passedLater.length > 0)
    console.log(`\nPassed at the second try only:\n${passedLater.map((file) => `  ${file}`).join('\n')}`);
  console.log(`\n${tally}`);
  return tally.failed === 0 && tally.passed > 0 ? 0 : 1;
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { unit: { type: 'boolean', default: false }, verbose: { type: 'boolean', default: false } },
  });
  if (!setup({ purpose: values.unit ? 'build' : 'test' }).ok) return 1;
  const files = testFiles(ROOT, { unit: values.unit, parts: positionals });
  if (files.length === 0 || !existsSync(join(ROOT, 'out'))) {
    console.error(`no test file matches ${positionals.join(' ') || 'out/**/*.test.js'}`);
    return 1;
  }
  const tallies = await runTap(ROOT, files, values.verbose);
  const passedLater = await tryAgain(ROOT, tallies, values.verbose);
  return report(Tally.sum(tallies.values()), passedLater);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main();
