/** The kernel of the lab's QEMU guest: fetched into a cache folder once, never installed (lab/guest/parts.ts). */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { refreshPackageLists } from './setup-install.mjs';

/** Longer than all that lab/guest gives its own steps. */
const TIMEOUT_MS = 420_000;
const PARTS = 'out/lab/guest/parts.js';
const LACKS_KERNEL = /needs a kernel/;

/** Prints true, or what is missing. */
const program = (module, call) =>
  `const { ${call} } = await import(${JSON.stringify(module)});
   const parts = await ${call}();
   process.stdout.write(JSON.stringify(typeof parts === 'string' ? parts : true));`;

function ask(root, call) {
  const text = program(join(root, PARTS), call);
  const options = { encoding: 'utf8', timeout: TIMEOUT_MS };
  const { status, stdout, error } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', text],
    options,
  );
  return status === 0 ? JSON.parse(stdout) : `cannot be looked at${error ? `: ${error.message}` : ''}`;
}

/**
 * After the build. Nothing but the guest's own tests, chapter and figures needs it.
 * @returns {import('./setup-look.mjs').Finding}
 */
export function fetchGuest(root) {
  const finding = { name: 'QEMU guest', why: 'VMs that boot and move', packages: [], essential: false };
  let answer = existsSync(join(root, PARTS)) ? ask(root, 'guestParts') : 'is not built';
  if (LACKS_KERNEL.test(answer)) {
    console.log("fetching the kernel of the lab's QEMU guest ...");
    answer = ask(root, 'fetchGuestParts');
    if (LACKS_KERNEL.test(answer) && refreshPackageLists()) answer = ask(root, 'fetchGuestParts');
  }
  if (answer === true) return { ...finding, have: 'there' };
  console.error(`going on without: a QEMU guest, which ${answer}`);
  return { ...finding, have: undefined, problem: answer };
}
