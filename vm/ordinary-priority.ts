/** What people's VMs run at: the priority that a daemon has for the sake of its frames is not handed on to them. */
import type { ChildProcess } from 'node:child_process';
import { getPriority, setPriority } from 'node:os';

const ORDINARY = 0;

/** Right after it was started: its threads, which it has not begun yet, inherit this. */
export function atOrdinaryPriority<Child extends ChildProcess>(child: Child): Child {
  if (child.pid === undefined || getPriority() >= ORDINARY) return child;
  try {
    setPriority(child.pid, ORDINARY);
  } catch {
    // It has ended already.
  }
  return child;
}
