/** How a daemon of this very build is started. */
import { fileURLToPath } from 'node:url';

const DAEMON = fileURLToPath(new URL('../../../bin/vnetd', import.meta.url));

/**
 * The program and its first arguments, as in the first line of bin/vnetd. A small young generation keeps an idle daemon
 * some 10 MB smaller, and costs nothing measurable in a process that allocates as little
 * (`npm run bench -- memory configuration`).
 */
export const DAEMON_COMMAND: readonly string[] = [process.execPath, '--max-semi-space-size=1', DAEMON];
