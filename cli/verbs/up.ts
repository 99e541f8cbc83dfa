import type { Command } from 'commander';
import { type Endpoint, type Host, type Topology, VnetError } from '../../core/index.js';
import type { CliContext, DaemonStart, StartedDaemon } from '../context.js';
import { plural, wholeNumber } from '../format.js';
import { agreed, execute, showPlan, showResult } from '../plan.js';
import { act, addVerb, ExitWith, GROUPS, type Run } from '../run.js';
import { loadScript, proxyOf, requestOf, type ScriptOptions } from '../scripts.js';

interface UpOptions extends ScriptOptions {
  lab?: string;
  as?: string[];
  stateDir?: string;
  runDir?: string;
  tokenFile?: string;
  insecure?: boolean;
  yes?: boolean;
  wait: string;
}

const TOKEN_FILE = '/etc/vnet/token';
const STATE_DIR = '/var/lib/vnet';
const RUN_DIR = '/run/vnet';
const POLL_MS = 50;
const MAX_WAIT_MS = 600_000;

export function addUp(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'up <script>',
    group: GROUPS.run,
    summary: 'start the daemons of a script and establish its topology',
    about:
      'Starts a daemon for every host of the script that is this machine (its address is one of ours, or it is ' +
      'named with --as because it has none), or for every host of a running lab with --lab. Then makes the overlay ' +
      'what the script says and waits until the hosts are ready. Run it on each machine with the same script: it ' +
      'does what is missing there. If it fails, the daemons it started are stopped again.',
    examples: [
      ['up lab.vnet', 'the hosts of the script that are this machine'],
      ['up lab.vnet --as b', 'this machine is b, which has no address (behind NAT)'],
      ['up star.vnet --lab demo', 'every host, each in its namespace of the lab demo'],
    ],
  })
    .option('--lab <name>', 'start every host in the running lab of that name')
    .option('--as <host...>', 'hosts of the script that are this machine too')
    .option('--state-dir <dir>', `where daemons keep their state, a folder each (${STATE_DIR})`)
    .option('--run-dir <dir>', `where their sockets are (${RUN_DIR})`)
    .option(
      '--token-file <file>',
      `the shared token, mode 0600, the same at every host (${TOKEN_FILE}, or in --state-dir)`,
    )
    .option('--insecure', 'allow addresses that are not private, although links are not sealed yet')
    .option('--wait <milliseconds>', 'how long to wait for daemons to be ready', '10000')
    .option('-y, --yes', 'do not ask, even if something that runs is removed or changed')
    .option('--proxy <host>', "the Proxy of a script in the paper's form");
  act<[string], UpOptions>(command, context, async (run, options, script) => {
    const waitMs = wholeNumber(options.wait, 'a time in milliseconds', 0, MAX_WAIT_MS);
    const parsed = loadScript(run, script, options);
    const daemons = await daemonsOf(run, parsed.topology, options);
    const before = new Set((await context.launcher.started()).map((daemon) => daemon.stateDir));
    const started: StartedDaemon[] = [];
    try {
      const first = daemons[0];
      if (first === undefined) return;
      started.push(await startOne(run, first));
      if (first.role === 'host')
        for (const daemon of daemons.slice(1)) started.push(await startOne(run, daemon));
      run.connectTo(first.socket);
      await answers(run, first, waitMs);
      const request = requestOf(parsed);
      const plan = await run.client.plan(request);
      await confirmPlan(run, plan, options.yes === true);
      const result = await execute(run, { ...request, revision: plan.revision });
      if (first.role === 'proxy')
        started.push(...(await Promise.all(daemons.slice(1).map((daemon) => startOne(run, daemon)))));
      const late = await ready(
        run,
        daemons.map((daemon) => daemon.host),
        waitMs,
      );
      if (run.json) run.printJson({ started, result, notReady: late });
      else {
        showResult(run, {
          ...result,
          pending: result.pending.filter((host) => !daemons.some((daemon) => daemon.host === host)),
        });
        showReady(run, daemons, late, waitMs);
      }
      if (late.length > 0) throw new ExitWith(1);
    } catch (thrown) {
      if (thrown instanceof ExitWith) throw thrown;
      for (const daemon of started.reverse())
        if (!before.has(daemon.stateDir)) await context.launcher.stop(daemon.stateDir);
      throw thrown;
    }
  });
}

/** The daemons to start here, the Proxy first. Throws `VNET_ERR_NOT_FOUND` where no host of the script is this machine. */
async function daemonsOf(run: Run, topology: Topology, options: UpOptions): Promise<DaemonStart[]> {
  const proxy = proxyOf(topology);
  const { launcher } = run.context;
  const unknown = options.as?.find((name) => !topology.hosts.some((host) => host.name === name));
  if (unknown !== undefined) throw new VnetError('VNET_ERR_NOT_FOUND', `the script has no host ${unknown}`);
  const local: Host[] = [];
  for (const host of topology.hosts) {
    const named = options.lab !== undefined || options.as?.includes(host.name) === true;
    if (named || (host.endpoint && (await launcher.isLocal(host.endpoint.address)))) local.push(host);
  }
  if (local.length === 0) {
    throw new VnetError('VNET_ERR_NOT_FOUND', 'no host of the script is this machine', {
      hint: 'name it with --as HOST, or start all in a lab with --lab NAME',
    });
  }
  local.sort((a, b) => Number(b === proxy) - Number(a === proxy));
  const lab = options.lab === undefined ? '' : `/${options.lab}`;
  const stateBase = options.stateDir ?? `${STATE_DIR}${lab}`;
  const runDir = options.runDir ?? `${RUN_DIR}${lab}`;
  return local.map((host, at) => ({
    host: host.name,
    role: host === proxy ? 'proxy' : 'host',
    ...(host === proxy || !proxy.endpoint ? {} : { proxy: endpointText(proxy.endpoint) }),
    ...(host.endpoint ? { listen: endpointText(host.endpoint) } : {}),
    stateDir: `${stateBase}/${host.name}`,
    socket:
      at === 0 && options.lab === undefined && options.runDir === undefined
        ? run.socket
        : `${runDir}/${host.name}.sock`,
    tokenFile: options.tokenFile ?? (stateBase === STATE_DIR ? TOKEN_FILE : `${stateBase}/token`),
    insecure: options.insecure === true,
    ...(options.lab === undefined ? {} : { lab: options.lab }),
  }));
}

const endpointText = ({ address, port }: Endpoint): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

async function startOne(run: Run, daemon: DaemonStart): Promise<StartedDaemon> {
  const { pid } = await run.context.launcher.start(daemon);
  const { host, role, stateDir, socket, lab } = daemon;
  const what = role === 'proxy' ? 'the Proxy' : 'host';
  if (!run.json)
    run.print(
      `${run.paint.good('+')} ${what} ${run.paint.host(host)}  ${run.paint.faint(`process ${pid}, socket ${socket}`)}`,
    );
  return { host, role, pid, stateDir, socket, ...(lab === undefined ? {} : { lab }) };
}

/** Waits until the daemon answers and, at a host, until it has found the Proxy. Throws `VNET_ERR_TIMEOUT`. */
async function answers(run: Run, daemon: DaemonStart, waitMs: number): Promise<void> {
  let last = 'it does not answer';
  const done = await poll(run, waitMs, async () => {
    try {
      const view = await run.client.local();
      last = view.proxy.state;
      return daemon.role === 'proxy' || view.proxy.connected;
    } catch (thrown) {
      if (VnetError.from(thrown).code !== 'VNET_ERR_UNREACHABLE') throw thrown;
      await mustRun(run, daemon);
      return false;
    }
  });
  if (!done) {
    throw new VnetError(
      'VNET_ERR_TIMEOUT',
      `the daemon of ${daemon.host} is not ready after ${waitMs} ms: ${last}`,
      {
        hint: `look at its log in ${daemon.stateDir}; a slow machine wants a longer --wait`,
      },
    );
  }
}

/** A daemon that ended cannot become ready: say so at once. */
async function mustRun(run: Run, daemon: DaemonStart): Promise<void> {
  const running = await run.context.launcher.started();
  if (running.some((each) => each.stateDir === daemon.stateDir)) return;
  throw new VnetError('VNET_ERR_UNREACHABLE', `the daemon of ${daemon.host} ended`, {
    hint: `its log in ${daemon.stateDir} says why`,
  });
}

/** Additions go without a question; what removes or changes something that runs is asked. */
async function confirmPlan(
  run: Run,
  plan: Awaited<ReturnType<Run['client']['plan']>>,
  yes: boolean,
): Promise<void> {
  if (plan.steps.every((step) => step.sign === '+')) return;
  if (!run.json) showPlan(run, plan);
  if (await agreed(run, yes, 'This changes what runs already. Apply this plan?')) return;
  throw new VnetError('VNET_ERR_REFUSED', 'nothing was changed: the plan was declined');
}

/** Hosts among these that are not ready when the time is over. */
async function ready(run: Run, hosts: string[], waitMs: number): Promise<string[]> {
  let late = hosts;
  await poll(run, waitMs, async () => {
    const overlay = await run.client.overview();
    late = hosts.filter((name) => overlay.hosts.find((host) => host.name === name)?.phase !== 'ready');
    return late.length === 0;
  });
  return late;
}

async function poll(run: Run, waitMs: number, done: () => Promise<boolean>): Promise<boolean> {
  const { clock, signal } = run.context;
  const until = clock.now() + waitMs;
  for (;;) {
    if (await done()) return true;
    if (signal.aborted || clock.now() >= until) return false;
    await new Promise<void>((resolve) => clock.after(POLL_MS, resolve));
  }
}

function showReady(run: Run, daemons: DaemonStart[], late: string[], waitMs: number): void {
  if (late.length > 0) {
    run.print(
      run.paint.bad(`Not ready after ${waitMs} ms: ${late.join(', ')} (${plural(late.length, 'host')}).`),
    );
    for (const { host, stateDir } of daemons) {
      if (late.includes(host)) run.print(run.paint.faint(`  ${host}: its log is in ${stateDir}`));
    }
  } else run.print(run.paint.good('Ready.'));
  const socket = daemons[0]?.socket ?? run.usualSocket;
  const { code, faint } = run.paint;
  const usual = socket === run.usualSocket ? '' : `export VNET_SOCKET=${socket}; `;
  run.print(
    faint('Look around:'),
    `  ${code(`${usual}vnet map`)}`,
    faint('Stop it again:'),
    `  ${code('vnet down')}`,
  );
}
