import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { HOST_LOAD_PERIOD_MS, type HostLoad, ManualClock } from '../../core/index.js';
import {
  findCpuHierarchy,
  isSysOurs,
  kindOf,
  processesIn,
  quotaOf,
  throttledUs,
  usedUs,
  waitedUs,
} from '../cgroup/index.js';

import { busyUs } from './host-cpu.js';
import { LoadReporting, REPEAT_PERIODS } from './load-reporting.js';
import { LoadSampler } from './load-sampler.js';
import { isNews, NEWS_SHARE } from './noticeable.js';
import { ProcessTimes } from './process-times.js';
import { RunQueueWait } from './run-queue.js';

/** A tree of files, removed with the test. */
function folderOf(test: { teardown(act: () => void): void }, files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'vnet-load-'));
  test.teardown(() => rmSync(folder, { recursive: true, force: true }));
  write(folder, files);
  return folder;
}

function write(folder: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** In ticks of 10 ms. */
const stat = (pid: number, parent: number, startedAt: number, own: number, children = 0): string =>
  `${pid} (a ) b) S ${parent} 1 1 0 -1 0 0 0 0 0 ${own} 0 ${children} 0 20 0 1 0 ${startedAt} 0 0 0`;

t.test('the first processes of a machine say what all use', async (t) => {
  t.equal(
    busyUs('cpu  100 10 50 1000 200 5 5 30 40 0\ncpu0 1 1 1'),
    2_000_000,
    'idle and waiting for disks is not busy',
  );
  t.equal(busyUs(''), 0);
});

t.test('CPU time of processes that come, go and have children', async (t) => {
  const proc = folderOf(t, { '10/stat': stat(10, 1, 50, 100), '11/stat': stat(11, 10, 60, 40) });
  const times = new ProcessTimes(proc);
  t.equal(times.advance([10, 11, 12], 10_000), 0, 'what was before the first look is nobody knows when');
  write(proc, { '10/stat': stat(10, 1, 50, 130), '11/stat': stat(11, 10, 60, 50) });
  t.equal(times.advance([10, 11], 12_000), 400_000);
  // The child used 5 more and ended; its parent waited for it. A new one began after the last look.
  write(proc, { '10/stat': stat(10, 1, 50, 130, 55), '12/stat': stat(12, 10, 1300, 7) });
  rmSync(join(proc, '11'), { recursive: true });
  t.equal(times.advance([10, 12], 14_000), 120_000, 'what it had used was counted before');
  // One that moved here has used much elsewhere.
  write(proc, { '13/stat': stat(13, 1, 20, 9000) });
  t.equal(times.advance([10, 12, 13], 16_000), 0);
  write(proc, { '13/stat': stat(13, 1, 20, 9100) });
  t.equal(times.advance([10, 12, 13], 18_000), 1_000_000);
  // The number of an ended one is used again.
  write(proc, { '13/stat': stat(13, 1, 1900, 3) });
  t.equal(times.advance([10, 12, 13], 20_000), 30_000);
});

t.test('waiting is that of the thread that waits longest', async (t) => {
  const proc = folderOf(t, { '10/task/10/schedstat': '5 1000000 3', '10/task/11/schedstat': '5 0 3' });
  const wait = new RunQueueWait(proc);
  t.equal(wait.advance([10, 99]), 0);
  write(proc, { '10/task/10/schedstat': '5 1500000 3', '10/task/11/schedstat': '9 2000000 3' });
  t.equal(wait.advance([10]), 2000);
  t.equal(wait.advance([10]), 0);
});

const v1 = (folder: string) => `25 20 0:21 / /sys rw - sysfs sysfs rw
30 20 0:26 / ${folder}/cpu rw - cgroup cgroup rw,cpu
31 20 0:27 / ${folder}/cpuacct rw - cgroup cgroup rw,cpuacct
32 20 0:28 / ${folder}/unified rw - cgroup2 cgroup2 rw`;

t.test('where CPU groups are', async (t) => {
  const proc = folderOf(t, {
    'self/cgroup': '2:cpuacct:/\n1:cpu:/lab-a\n0::/',
    'sys/cpu/cpu.cfs_quota_us': '-1',
    'sys/unified/cgroup.controllers': '',
    'sys/cpu/lab-a/cpu.cfs_quota_us': '40000\n',
    'sys/cpu/lab-a/cpu.cfs_period_us': '50000\n',
    'sys/cpu/lab-a/cpu.stat': 'nr_periods 3\nthrottled_time 7000000\n',
    'sys/cpu/lab-a/cgroup.procs': '5\n6\n',
    'sys/cpu/lab-a/vm/cgroup.procs': '7\n',
  });
  write(proc, { 'self/mountinfo': v1(`${proc}/sys`) });
  const found = findCpuHierarchy(proc);
  const top = `${proc}/sys/cpu`;
  t.strictSame(found, { version: 1, top, own: `${top}/lab-a`, name: '/lab-a' }, 'counted elsewhere');
  if (found === undefined) return;
  t.strictSame(quotaOf(found), { group: found.own, cpus: 0.8 });
  t.equal(usedUs(found, found.own), undefined);
  t.equal(throttledUs(found, found.own), 7000);
  t.strictSame(processesIn(found.own), [5, 6, 7]);
});

t.test('version 2, in a container', async (t) => {
  const proc = folderOf(t, {
    'self/cgroup': '0::/pod/box',
    'cg/cgroup.controllers': 'cpuset cpu io\n',
    'cg/cpu.max': 'max 100000\n',
    'cg/box/cpu.max': '150000 100000\n',
    'cg/box/cpu.stat': 'usage_usec 1234\nuser_usec 1000\nthrottled_usec 55\n',
    'cg/box/cpu.pressure': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=777\nfull avg10=0.00 total=3\n',
  });
  write(proc, { 'self/mountinfo': `40 20 0:30 /pod ${proc}/cg rw,nosuid shared:4 - cgroup2 cgroup2 rw` });
  const found = findCpuHierarchy(proc);
  t.strictSame(found, { version: 2, top: `${proc}/cg`, own: `${proc}/cg/box`, name: '/pod/box' });
  if (found === undefined) return;
  t.strictSame(quotaOf(found), { group: found.own, cpus: 1.5 });
  t.strictSame(
    [usedUs(found, found.own), throttledUs(found, found.own), waitedUs(found.own)],
    [1234, 55, 777],
  );
  t.equal(findCpuHierarchy(join(proc, 'nothing')), undefined);
});

t.test('a view of our own, where nobody else sees it', async (t) => {
  t.ok(isSysOurs('25 20 0:21 / / rw shared:1 - ext4 x rw\n26 25 0:22 / /sys rw,nosuid - sysfs sysfs rw'));
  t.notOk(isSysOurs('26 25 0:22 / /sys rw,nosuid shared:7 - sysfs sysfs rw'));
  t.ok(
    isSysOurs(
      '26 25 0:22 / /sys rw shared:7 - sysfs sysfs rw\n27 26 0:23 / /sys rw master:7 - sysfs sysfs rw',
    ),
  );
  t.notOk(isSysOurs(''));
  t.strictSame(kindOf('4:cpu,cpuacct:/\n0::/'), ['cgroup', 'cpu,cpuacct']);
  t.strictSame(kindOf('0::/user.slice'), ['cgroup2', 'rw']);
});

t.test('this very machine', async (t) => {
  const sampler = new LoadSampler(findCpuHierarchy());
  const self = new Map([['me', { processes: [process.pid] }]]);
  t.equal(sampler.sample(self, 1000), undefined, 'the first look');
  const load = sampler.sample(self, 3000);
  t.ok(load && load.cpus > 0 && load.busyCpus >= 0 && load.busyCpus <= load.cpus);
  t.ok(load && (load.vmCpus['me'] ?? -1) >= 0 && (load.vmWaits['me'] ?? 2) <= 1);
  t.strictSame(sampler.sample(new Map(), 5000)?.vmCpus, {}, 'who is gone is forgotten');
});

const loads = fc.record({
  cpus: fc.constantFrom(1, 2),
  busyCpus: fc.double({ min: 0, max: 1, noNaN: true }),
  vmCpus: fc.dictionary(fc.constantFrom('a', 'b'), fc.double({ min: 0, max: 1, noNaN: true })),
  vmWaits: fc.dictionary(fc.constantFrom('a', 'b'), fc.double({ min: 0, max: 1, noNaN: true })),
}) as fc.Arbitrary<HostLoad>;

t.test('news', async () => {
  fc.assert(fc.property(loads, (load) => !isNews(load, structuredClone(load))));
  fc.assert(
    fc.property(loads, loads, (a, b) => {
      const far = Math.abs(a.busyCpus - b.busyCpus) > NEWS_SHARE * Math.max(a.cpus, b.cpus) + 1e-9;
      const others = Object.keys(a.vmCpus).sort().join() !== Object.keys(b.vmCpus).sort().join();
      return isNews(a, b) === isNews(b, a) && (!(far || others || a.cpus !== b.cpus) || isNews(a, b));
    }),
  );
});

t.test('what does not change is told now and then, and nothing while the Proxy is away', async (t) => {
  const clock = new ManualClock();
  const told: HostLoad[] = [];
  const warnings: string[] = [];
  let fails = true;
  const reporting = new LoadReporting({
    clock,
    hierarchy: undefined,
    vms: async () => {
      if (fails) throw new Error('not now');
      return new Map();
    },
    log: { warn: (_details, message) => void warnings.push(message) },
  });
  const pass = async (periods: number): Promise<void> => {
    for (let i = 0; i < periods; i++) {
      clock.advance(HOST_LOAD_PERIOD_MS);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  await pass(2);
  reporting.connect((load) => told.push(load));
  await pass(3);
  t.equal(told.length, 0);
  t.equal(warnings.length, 1, 'said once');
  fails = false;
  await pass(3);
  const before = told.length;
  t.ok(before >= 1);
  await pass(REPEAT_PERIODS);
  t.ok(told.length > before);
  reporting.disconnect();
  const last = told.length;
  await pass(REPEAT_PERIODS + 1);
  t.equal(told.length, last);
});
