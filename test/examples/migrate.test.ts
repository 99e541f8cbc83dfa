/** The chapter on VMs that move, and the script that moves them by virsh. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { VmSpec } from '../../core/index.js';
import { listLabs, needGuest } from '../../lab/index.js';
import { ExecDriver } from '../../vm/index.js';
import { needNamespaces } from '../namespaces/index.js';
import { tell } from './chapter.js';

const SCRIPT = fileURLToPath(new URL('../../../examples/exec-driver.sh', import.meta.url));
const CHAPTER_MS = 150_000;
const skip = needNamespaces();
t.setTimeout(CHAPTER_MS);

t.test('migrate.vnet in its lab, as the demonstration tells it', { skip: skip || needGuest() }, async (t) => {
  const { code, text, lab } = await tell('migrate');
  t.equal(code, 0, code === 0 ? 'it ends well' : text);
  t.match(text, /Moved\. web a -> b/);
  t.match(text, /The download is whole/);
  t.match(text, /the first ping finds it/);
  t.match(text, /web stayed on b/);
  t.match(text, /web may run on b, which cannot be asked/);
  t.notOk(listLabs().some(({ name }) => name === lab));
});

/** As much of virsh as the script calls; a domain is a file with its state. */
const VIRSH = (folder: string) => `#!/bin/sh
cd ${folder}
case $1 in
  version) ;;
  dominfo) [ -f "$2" ] ;;
  domstate) cat "$2" ;;
  start) echo running > "$2" ;;
  shutdown | destroy) echo 'shut off' > "$2" ;;
  migrate) echo "$*" > asked; echo 'shut off' > "$3" ;;
  *) exit 1 ;;
esac
`;

t.test('exec-driver.sh, before a virsh of the test', async (t) => {
  const folder = t.testdir({ web: 'shut off\n' });
  const virsh = join(folder, 'virsh');
  writeFileSync(virsh, VIRSH(folder));
  chmodSync(virsh, 0o755);
  const command = `PATH=${folder}:$PATH VNET_MOVE_ADDRESS=10.0.0.2 sh ${SCRIPT}`;
  const spec = (name: string): VmSpec => ({
    ...{ name, network: 'lab', mtu: 1500, macs: [], memoryBytes: 1, cpus: 1 },
    machine: { driver: 'exec', command },
  });
  const events = { paused: () => {}, running: () => {}, ended: () => {} };
  const driver = new ExecDriver();
  const port = 'bridge:virbr0';
  t.same(await driver.check(spec('web')), []);
  t.match(await driver.check(spec('none')), [{ kind: 'image', blocking: true }]);
  t.equal(await driver.adopt(spec('web'), port, events), undefined, 'it does not run');
  const vm = await driver.start(spec('web'), port, events);
  t.equal(await vm.state(), 'running');
  const { done } = vm.send({ driver: 'exec', address: '10.0.0.2' }, {}, () => {});
  await done;
  t.match(readFileSync(join(folder, 'asked'), 'utf8'), 'migrate --live web qemu+ssh://10.0.0.2/system');
  await t.rejects(vm.state(), { code: 'VNET_ERR_NOT_FOUND' });
  const arrival = await driver.receive(spec('web'), port, {}, events);
  t.same(arrival.ticket, { driver: 'exec', address: '10.0.0.2' });
  writeFileSync(join(folder, 'web'), 'running\n');
  await (await arrival.arrived).stop({ graceMs: 0 });
  t.equal(readFileSync(join(folder, 'web'), 'utf8').trim(), 'shut off');
});
