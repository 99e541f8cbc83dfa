/** The daemon's process: options, composition, signals. No logic lives here. */
import { readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join, resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type Logger, pino } from 'pino';
import { DEFAULT_PORT, type Endpoint, systemClock, VnetError } from '../core/index.js';
import { createUserPlane } from '../native/index.js';
import { CPU_MEANS, type CpuMeansKind, Daemon, FileStore, readToken } from '../vnetd/index.js';
import { parseEndpoint } from './endpoint.js';
import { parseRate } from './rate.js';

interface Options {
  name: string;
  role: 'host' | 'proxy';
  listen: Endpoint;
  proxy?: Endpoint;
  state: string;
  vmDir?: string;
  socket: string;
  tokenFile: string;
  insecure: boolean;
  logLevel: string;
  nice: number;
  keepAlive: number;
  deadAfter: number;
  reserve?: string;
  lineRate?: number;
  cpu?: CpuMeansKind;
}

/** After the start: then what only it needed, some 20 MB, is collected. An idle daemon would never come to it. */
const COLLECT_AFTER_MS = 3000;
/**
 * Octets of bytecode that a function runs before V8 looks whether to optimise it; V8 has 67,584. Most of a daemon's code
 * runs once a change, and changes are few: it would stay slow for its first thousands.
 */
const OPTIMISE_AFTER_OCTETS = 20_000;
/** As Open vSwitch's daemons: whatever else the host does, all its VMs wait for these few instructions. */
const DEFAULT_NICE = -10;
const ANY_ADDRESSES = ['::', '0.0.0.0'];

const packageFile = new URL('../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };

const program = new Command('vnetd')
  .description(
    'The daemon of one host: carries frames between its ports and its links, as the Proxy tells it.',
  )
  .version(version)
  .requiredOption('--name <host>', "this host's name in the topology")
  .addOption(
    new Option('--role <role>', 'the Proxy holds the topology').choices(['host', 'proxy']).default('host'),
  )
  .addOption(
    new Option('--listen <address:port>', 'data links, UDP and TCP')
      .argParser(parseEndpoint)
      .default({ address: '::', port: DEFAULT_PORT }, `[::]:${DEFAULT_PORT}`),
  )
  .option(
    '--proxy <address:port>',
    "the Proxy's data links; its control channel is the TCP port after it",
    parseEndpoint,
  )
  .option('--state <directory>', 'what outlives a restart', '/var/lib/vnet')
  .option('--vm-dir <directory>', "the VMs' sockets and notes; default: vm in the state directory")
  .option('--socket <path>', 'control API; its permissions decide who may call', '/run/vnet/vnetd.sock')
  .option(
    '--token-file <path>',
    'shared with the Proxy, mode 0600; the Proxy makes a missing one',
    '/etc/vnet/token',
  )
  .option('--insecure', 'use addresses that are not private: links and control are not sealed yet', false)
  .option('--log-level <level>', 'fatal, error, warn, info, debug or trace', 'info')
  .addOption(
    new Option('--nice <n>', 'scheduling priority, -20 to 19, as of nice(1); VMs have the ordinary one')
      .argParser(parseNice)
      .default(DEFAULT_NICE),
  )
  .option('--keep-alive <ms>', 'between keep-alives on an idle link', Number, 200)
  .option('--dead-after <ms>', 'a link that heard nothing for this long is down', Number, 800)
  .option('--reserve <how>', 'bandwidth for links: tc, exec:COMMAND or none; default: tc where it can be had')
  .option(
    '--line-rate <rate>',
    'what the line of the links carries, as 100M; default: what it says',
    parseRate,
  )
  .addOption(
    new Option('--cpu <how>', 'CPU for VMs; default: cgroup where it can be had, else deadline').choices(
      CPU_MEANS,
    ),
  )
  .addHelpText(
    'after',
    `
Examples:
  vnetd --role proxy --name home                       the Proxy, on the user's network
  vnetd --name a --proxy home.example.org:7700         a host that dials it
  vnet status                                          how they do`,
  )
  .parse();

await main(program.opts<Options>());

async function main(options: Options): Promise<void> {
  const logger = pino(
    { level: options.logLevel, base: { host: options.name } },
    pino.destination({ fd: 2, sync: true }),
  );
  try {
    if (options.role === 'host' && !options.proxy) {
      throw new VnetError('VNET_ERR_INVALID', 'a host needs to know its Proxy', {
        hint: 'add --proxy ADDRESS:PORT, or --role proxy if this is it',
      });
    }
    // Before there are threads: they inherit it.
    raisePriority(options.nice, logger);
    const store = await FileStore.open(options.state);
    const token = await readToken(options.tokenFile, options.role === 'proxy');
    // Only the Proxy pays for the language's memory.
    const role =
      options.role === 'proxy'
        ? await (await import('../proxy/index.js')).createProxy({
            name: options.name,
            store,
            clock: systemClock,
            log: logger,
          })
        : undefined;
    let stop = (_reason: string) => {};
    const daemon = await Daemon.start({
      host: options.name,
      version,
      listen: options.listen,
      socketPath: options.socket,
      store,
      token,
      insecure: options.insecure,
      ...(options.proxy ? { proxy: options.proxy } : {}),
      ...(role ? { role } : {}),
      reserve: { how: options.reserve, lineBps: options.lineRate },
      cpu: options.cpu,
      timers: { keepAliveMs: options.keepAlive, deadAfterMs: options.deadAfter },
      random: Math.random,
      logger,
      createPlane: createUserPlane,
      loadDrivers: async () =>
        (await import('./vm-drivers.js')).vmDrivers({
          directory: resolve(options.vmDir ?? join(options.state, 'vm')),
          address: ANY_ADDRESSES.includes(options.listen.address) ? undefined : options.listen.address,
        }),
      onShutdown: () => stop('asked over the API'),
    });
    setFlagsFromString(`--interrupt-budget=${OPTIMISE_AFTER_OCTETS}`);
    logger.info({ version, role: options.role, port: daemon.dataPort, socket: options.socket }, 'vnetd runs');
    // Absent where it was not started by bin/vnetd's own first line.
    setTimeout(() => globalThis.gc?.(), COLLECT_AFTER_MS).unref();
    let stopping = false;
    stop = (reason) => {
      if (stopping) return;
      stopping = true;
      logger.info({ reason }, 'vnetd stops');
      daemon
        .close()
        .then(() => store.close())
        .then(
          () => process.exit(0),
          (error) => {
            logger.fatal({ err: error }, 'stopping failed');
            process.exit(1);
          },
        );
    };
    process.on('SIGTERM', () => stop('SIGTERM'));
    process.on('SIGINT', () => stop('SIGINT'));
  } catch (thrown) {
    const error = VnetError.from(thrown);
    process.stderr.write(`vnetd: ${error.message}\n${error.hint ? `hint: ${error.hint}\n` : ''}`);
    if (error.code === 'VNET_ERR_INTERNAL') logger.fatal({ err: thrown }, 'internal error');
    process.exit(1);
  }
}

function raisePriority(nice: number, logger: Logger): void {
  try {
    setPriority(nice);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    logger.info({ nice, reason }, 'runs at the priority that it has: another may not be set');
  }
}

function parseNice(text: string): number {
  const nice = Number(text);
  if (Number.isInteger(nice) && nice >= -20 && nice <= 19) return nice;
  throw new InvalidArgumentError('give a whole number from -20, first, to 19, last');
}
