#!/usr/bin/env node
/**
 * Sets up, builds, and tells a chapter of the demo in a lab; without root inside a user namespace.
 *
 *   npm run demo [-- CHAPTER] [--keep] [--lab NAME]
 */
import { join } from 'node:path';
import { ROOT, setup } from './setup.mjs';

if (!setup({ purpose: 'demo' }).ok) process.exit(1);
const { ensurePrivilege, reexecInUserNamespace } = await import(join(ROOT, 'out/lab/index.js'));
const main = join(ROOT, 'out/lab/demo/main.js');
const privilege = ensurePrivilege();
if (privilege.means === 'none') {
  console.error(`The demo needs network namespaces, and ${privilege.reason}.`);
  process.exitCode = 1;
} else if (privilege.means === 'reexec') {
  console.log('Not root: the demo runs in a user namespace of its own.');
  if (process.argv.includes('--keep')) console.log('There, nothing can be kept: it ends with the demo.');
  process.exitCode = reexecInUserNamespace([process.execPath, main, ...process.argv.slice(2)]);
} else {
  await import(main);
}
