#!/usr/bin/env node
/**
 * Looks at the machine, installs what is missing, builds. Quiet when there is nothing to do.
 *
 *   node bin/setup.mjs [--for build|test|demo|bench] [--look]
 *
 * `--look` prints the checklist and changes nothing. System packages are installed only as root; otherwise the
 * one command to run is printed. Exits with 1 when something essential is missing.
 */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { addonCurrent, build } from './setup-build.mjs';
import { fetchGuest } from './setup-guest.mjs';
import { installCommand, installNpmPackages, installSystemPackages } from './setup-install.mjs';
import { look, lookNode, widenPath } from './setup-look.mjs';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const PURPOSES = ['build', 'test', 'demo', 'bench'];

const isMissing = (finding) => finding.have === undefined;

/** The checklist as text, a line a finding. */
export function checklist(findings) {
  const width = Math.max(...findings.map(({ name }) => name.length));
  return findings
    .map((finding) => {
      const mark = isMissing(finding) ? '  -' : '  ok';
      const state = isMissing(finding)
        ? `${finding.problem ?? 'missing'}, for: ${finding.why}${finding.essential ? '' : ' (optional)'}`
        : finding.have;
      return `${mark.padEnd(5)} ${finding.name.padEnd(width)}  ${state}`;
    })
    .join('\n');
}

/** npm packages and, as root, system packages: the essential ones first, so that an optional one cannot stop them. */
function install(root, findings) {
  const missing = findings.filter(isMissing);
  for (const essential of [true, false]) {
    const packages = missing.filter((item) => item.essential === essential).flatMap((item) => item.packages);
    if (packages.length > 0) installSystemPackages([...new Set(packages)]);
  }
  if (missing.some(({ name }) => name === 'npm packages')) installNpmPackages(root);
}

/** What is still missing, with what to do about it. @returns {boolean} whether one can go on */
function reportMissing(findings) {
  const missing = findings.filter(isMissing);
  const packages = [...new Set(missing.flatMap((item) => item.packages))];
  for (const item of missing) {
    const lead = item.essential ? 'missing' : 'going on without';
    const cure = item.packages.length === 0 && item.cure ? `; ${item.cure}` : '';
    console.error(
      `${lead}: ${item.name}${item.problem ? ` (${item.problem})` : ''}, for: ${item.why}${cure}`,
    );
  }
  if (packages.length > 0) console.error(`to install: ${installCommand(packages)}`);
  return missing.every((item) => !item.essential);
}

/**
 * Makes the machine ready for a purpose.
 * @param {{ purpose?: 'build' | 'test' | 'demo' | 'bench', root?: string }} [options] default: test, this tree
 * @returns {{ ok: boolean, missing: string[] }} ok: go on; missing: names of optional things that are not there
 */
export function setup({ purpose = 'test', root = ROOT } = {}) {
  const startedAt = performance.now();
  widenPath();
  // On an old Node even looking further could fail in ways that hide the cause.
  if (isMissing(lookNode())) return { ok: reportMissing([lookNode()]), missing: [] };
  const lookAround = () => look({ root, purpose, addonCurrent: addonCurrent(root) });
  let findings = lookAround();
  if (findings.some(isMissing)) {
    console.log(checklist(findings));
    install(root, findings);
    findings = lookAround();
  }
  const ready = reportMissing(findings) && build(root);
  if (ready && purpose !== 'build') findings.push(fetchGuest(root));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (ready) console.log(`setup: ${summary(findings)}; ready in ${seconds} s`);
  return { ok: ready, missing: findings.filter(isMissing).map(({ name }) => name) };
}

function summary(findings) {
  const missing = findings.filter(isMissing).map(({ name }) => name);
  const node = findings.find(({ name }) => name === 'Node')?.have;
  const namespaces = findings.find(({ name }) => name === 'network namespaces')?.have;
  return [
    missing.length === 0 ? 'all there' : `all but ${missing.join(', ')}`,
    `Node ${node}`,
    ...(namespaces ? [`namespaces ${namespaces}`] : []),
  ].join(', ');
}

function main() {
  const { values } = parseArgs({
    options: { for: { type: 'string', default: 'test' }, look: { type: 'boolean', default: false } },
  });
  if (!PURPOSES.includes(values.for)) {
    console.error(`--for ${values.for}: expected ${PURPOSES.join(', ')}`);
    return 1;
  }
  if (!values.look) return setup({ purpose: values.for }).ok ? 0 : 1;
  widenPath();
  const findings = look({ root: ROOT, purpose: values.for, addonCurrent: addonCurrent(ROOT) });
  console.log(checklist(findings));
  return reportMissing(findings) ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main();
