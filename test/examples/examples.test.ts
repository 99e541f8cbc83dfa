/** Every example is right, and those of the demo do in a lab, by the real command, what they say. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { tell } from './chapter.js';
import { labName, needNamespaces } from '../namespaces/index.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const EXAMPLES = join(ROOT, 'examples');
const LAB = labName('x');
const skip = needNamespaces();

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

const directory = mkdtempSync(join(tmpdir(), 'vnet-examples-'));
t.teardown(() => rmSync(directory, { recursive: true, force: true }));

/** The command as people run it, with everything it keeps in a directory of ours. */
function vnet(args: readonly string[], input = ''): Promise<Outcome> {
  const env = {
    ...process.env,
    XDG_RUNTIME_DIR: directory,
    VNET_SOCKET: join(directory, 'run/home.sock'),
    NO_COLOR: '1',
  };
  // Without the test runner's hooks, which would be loaded by every command and daemon, and slow each down.
  const command = ['-u', 'NODE_OPTIONS', process.execPath, join(ROOT, 'bin/vnet'), ...args];
  const child = spawn('env', command, { env, cwd: ROOT });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  }
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 255, ...texts }));
  });
}

const example = (name: string): string => join(EXAMPLES, name);
const scripts = readdirSync(EXAMPLES).filter((name) => name.endsWith('.vnet'));

t.test('every script is right', async (t) => {
  t.ok(scripts.length >= 4);
  const outcomes = await Promise.all(
    scripts.map((name) =>
      vnet(['check', example(name), ...(name === 'paper.vnet' ? ['--proxy', 'home'] : [])]),
    ),
  );
  for (const [i, { code, stdout, stderr }] of outcomes.entries())
    t.equal(code, 0, `${scripts[i]}: ${stdout}${stderr}`);
});

t.test('a script with an error is told so, and nothing is asked of a daemon', async (t) => {
  const wrong = join(directory, 'wrong.vnet');
  writeFileSync(wrong, readFileSync(example('star.vnet'), 'utf8').replace('vm b2 on b', 'vm b2 on bb'));
  const { code, stdout, stderr } = await vnet(['check', wrong]);
  t.equal(code, 1);
  t.match(`${stdout}${stderr}`, /wrong\.vnet:\d+:\d+[\s\S]*bb/);
});

t.test('star.vnet and direct.vnet in their lab', { skip }, async (t) => {
  const must = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await vnet(args);
    t.equal(code, 0, `vnet ${args.join(' ')}: ${code === 0 ? '' : stdout + stderr}`);
    return stdout;
  };
  const dirs = ['--state-dir', join(directory, 'state'), '--run-dir', join(directory, 'run')];
  const up = (script: string) => ['up', example(script), '--lab', LAB, '--yes', ...dirs];
  await must('lab', 'up', example('star.lab'), '--name', LAB);
  let isUp = true;
  const tearDown = async () => {
    if (!isUp) return;
    isUp = false;
    await must('down');
    await must('lab', 'down', LAB);
  };
  t.teardown(tearDown);

  const early = await vnet(['diff', example('star.vnet')]);
  t.equal(early.code, 1, 'no daemon yet: an error');
  t.match(early.stderr, /no daemon answers/);

  await must(...up('star.vnet'));
  const ping = async (from: string, address: string) => {
    const { stdout } = await vnet([
      'lab',
      'exec',
      LAB,
      from,
      '--',
      'ping',
      '-c',
      '2',
      '-i',
      '0.2',
      '-W',
      '1',
      address,
    ]);
    return Number(/(\d+) received/.exec(stdout)?.[1] ?? 0);
  };
  const untilPing = async (from: string, address: string) => {
    for (const deadline = performance.now() + 10_000; (await ping(from, address)) === 0; ) {
      if (performance.now() > deadline) throw new Error(`${from} does not reach ${address}`);
    }
  };
  await untilPing('a1', '10.9.0.21');
  t.equal(await ping('c1', '10.9.0.42'), 2);

  await t.test('diff: 0 for nothing to do, 2 for changes', async (t) => {
    t.equal((await vnet(['diff', example('star.vnet')])).code, 0);
    const changes = await vnet(['diff', example('direct.vnet')]);
    t.equal(changes.code, 2);
    t.match(changes.stdout, /\+ .*link udp a b[\s\S]*\+ .*route a1 <-> b1 via a b/);
    t.equal((await vnet(['diff', join(directory, 'none.vnet')])).code, 1);
  });

  await t.test('apply asks; without a terminal and without --yes nothing happens', async (t) => {
    const declined = await vnet(['apply', example('direct.vnet')]);
    t.equal(declined.code, 1);
    t.equal((await vnet(['diff', example('star.vnet')])).code, 0);
  });

  await t.test('apply, route and show', async (t) => {
    const hops = async () => {
      const { stdout } = await vnet(['route', '--json', 'a1', 'b1']);
      return (JSON.parse(stdout) as { hops: { host: string }[] }).hops.map(({ host }) => host);
    };
    t.same(await hops(), ['a', 'home', 'b']);
    const applied = JSON.parse((await vnet(['apply', '--json', '--yes', example('direct.vnet')])).stdout) as {
      pending: string[];
      steps: unknown[];
    };
    t.same(applied.pending, []);
    t.equal(applied.steps.length, 2);
    t.same(await hops(), ['a', 'b']);
    t.equal(await ping('a1', '10.9.0.21'), 2);

    const shown = await must('show');
    const same = await vnet(['diff', '-'], shown);
    t.equal(same.code, 0, `what show prints changes nothing: ${same.stdout}${same.stderr}`);
    t.equal((await vnet(['diff', example('direct.vnet')])).code, 0);
    const status = JSON.parse(await must('status', '--json')) as object;
    t.ok(status);
    t.match(await must('status'), /not sealed/i);
  });

  await t.test('up again changes nothing; down and lab down leave nothing', async (t) => {
    await must(...up('direct.vnet'));
    const pids = started();
    t.equal(pids.length, 5);
    await tearDown();
    for (const pid of pids) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' }, `daemon ${pid} ended`);
    t.notMatch((await vnet(['lab', 'list'])).stdout, LAB);
    t.notMatch(readdirSync('/run/netns', { encoding: 'utf8' }).join('\n'), `vl-${LAB}-`);
  });

  function started(): number[] {
    const known = JSON.parse(readFileSync(join(directory, 'vnet/started.json'), 'utf8')) as { pid: number }[];
    return known.map(({ pid }) => pid);
  }
});

t.test('sight.vnet in its lab, as the demonstration tells it', { skip }, async (t) => {
  const { code, text, lab } = await tell('sight');
  t.equal(code, 0, code === 0 ? 'it ends well' : text);
  for (const shape of ['ring of 8', 'hypercube 3', 'all-to-all of 8'])
    t.ok(text.includes(`lab  ${shape}`), shape);
  t.match(text, /Available bandwidth, bit\/s/);
  t.match(text, /Bottleneck {2}.*(\ba\b.*\bb\b|\bb\b.*\ba\b)/, 'the narrow way is named');
  t.notMatch((await vnet(['lab', 'list'])).stdout, lab);
});
