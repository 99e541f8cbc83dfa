/** What people's VMs run at: the priority that a daemon has for the sake of its frames is not handed on to them. */
import { getPriority, setPriority } from 'node:os';

const ORDINARY = 0;

/** What `start` starts inherits it, and so does what that starts in its first moment. */
export function atOrdinaryPriority<Child>(start: () => Child): Child {
  const before = getPriority();
  if (before >= ORDINARY) return start();
  // Of this thread, which forks.
  setPriority(ORDINARY);
  try {
    return start();
  } finally {
    setPriority(before);
  }
}
