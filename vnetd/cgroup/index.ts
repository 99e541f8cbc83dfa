/** The machine's CPU cgroups, version 1 and 2. */
export { type CpuHierarchy, findCpuHierarchy, groupOf, textOf, wordsOf } from './hierarchy.js';
export { isSysOurs, kindOf, openCpuHierarchy } from './own-view.js';
export { groupsIn, processesIn } from './processes.js';
export { type Quota, quotaOf, throttledUs, usedUs, waitedUs } from './quota.js';
