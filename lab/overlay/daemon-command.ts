/** How a daemon of this very build is started. */
import { fileURLToPath } from 'node:url';

const DAEMON = fileURLToPath(new URL('../../../bin/vnetd', import.meta.url));

/**
 * The program and its first arguments, as in the first line of bin/vnetd. A small young generation keeps an idle daemon
 * some 10 MB smaller, one arena of glibc's for all threads some 2 MB more; neither costs anything measurable in a process
 * that allocates as little, and nothing per frame (`npm run bench -- memory configuration throughput`).
 */
export const DAEMON_COMMAND: readonly string[] = [
  '/usr/bin/env',
  'MALLOC_ARENA_MAX=1',
  process.execPath,
  '--max-semi-space-size=1',
  DAEMON,
];
