/** How a daemon of this very build is started. */
import { fileURLToPath } from 'node:url';

const DAEMON = fileURLToPath(new URL('../../../bin/vnetd', import.meta.url));

/**
 * The program and its first arguments, as in the first line of bin/vnetd. A small young generation and one helper thread
 * keep an idle daemon some 15 MB smaller, and cost nothing measurable in a process that allocates as little; what
 * starting left is collected once (bin/vnetd.ts), some 20 MB (`npm run bench -- memory configuration`).
 */
export const DAEMON_COMMAND: readonly string[] = [
  process.execPath,
  '--max-semi-space-size=1',
  '--v8-pool-size=1',
  '--expose-gc',
  DAEMON,
];
