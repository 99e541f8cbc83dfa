import type { Command } from 'commander';
import { type EchoOptions, VnetError } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { type Echoes, echoStats, sendEchoes } from '../echoes.js';
import { duration, percent, timeMs, wholeNumber } from '../format.js';
import { NameBook } from '../names.js';
import { type BothWays, followBothWays, showBothWays } from '../reachability.js';
import { act, addVerb, ExitWith, GROUPS, type Run } from '../run.js';
import { reasonOf } from './route.js';

const MAX_WATCH_MS = 60_000;
const MAX_INTERVAL_MS = 60_000;
const MAX_TIMEOUT_MS = 5000;
const MAX_COUNT = 1_000_000;
/** The least and the largest frame: an Ethernet header and 46 octets, a jumbo frame. */
const FRAME_BYTES = [60, 9014] as const;

interface Options {
  count: string;
  size: string;
  interval: string;
  timeout: string;
  watch: string;
  network?: string;
}

export function addPing(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'ping <from> <to>',
    group: GROUPS.explain,
    summary: 'whether two VMs reach each other, and how far it is',
    about:
      "Sends real frames from one VM's port by the way that its own frames take. The data plane answers where they " +
      'would leave at the other port, so the whole overlay between the two is tried, and the guests are not: it ' +
      'works for a VM that is silent, or does not answer pings. Where nothing comes back it follows both directions ' +
      'through the forwarding tables and watches which counters move. Exit code 1 if nothing was answered.',
    examples: [
      ['ping web db', 'four echoes'],
      ['ping web db -s 1514 -c 100 -i 10ms', 'full-size frames, a hundred a second'],
      ['ping web db -c 0', 'until Ctrl-C'],
      ['ping web db > /dev/null && echo reachable', 'in a script'],
    ],
  })
    .option('-c, --count <number>', 'echoes to send; 0: until Ctrl-C', '4')
    .option('-s, --size <octets>', 'of the frame, Ethernet header included', '64')
    .option('-i, --interval <time>', 'between two', '1s')
    .option('-W, --timeout <time>', 'an echo without an answer by then is lost', '1s')
    .option('--watch <milliseconds>', 'how long to watch the counters when nothing comes back', '1000')
    .option('--network <name>', 'where an address stands in several networks');
  act<[string, string], Options>(command, context, async (run, options, from, to) => {
    const echo = echoOptions(options);
    const watchMs = wholeNumber(options.watch, 'a time in milliseconds', 0, MAX_WATCH_MS);
    const names = new NameBook(await run.client.overview());
    const [a, b] = [names.resolve(from), names.resolve(to)];
    const outcome = await ping(run, a, b, echo, { from, to });
    const answered = outcome.echoes.stats.answered > 0;
    const { signal } = context;
    const ways =
      answered || signal.aborted ? undefined : await followBothWays(run, a, b, options.network, watchMs);
    if (run.json) run.printJson(jsonOf(from, to, outcome, ways));
    else {
      showSummary(run, from, to, outcome.echoes);
      if (ways) showDiagnosis(run, ways, names, outcome.refused);
    }
    if (!answered) throw new ExitWith(1);
  });
}

function echoOptions(options: Options): EchoOptions {
  const count = wholeNumber(options.count, 'a number of echoes', 0, MAX_COUNT);
  return {
    count: count === 0 ? Number.POSITIVE_INFINITY : count,
    bytes: wholeNumber(options.size, 'a size in octets', ...FRAME_BYTES),
    intervalMs: timeMs(options.interval, 'an interval', 1, MAX_INTERVAL_MS),
    timeoutMs: timeMs(options.timeout, 'a time to wait', 1, MAX_TIMEOUT_MS),
    ...(options.network === undefined ? {} : { network: options.network }),
  };
}

interface Outcome {
  echoes: Echoes;
  /** Why none could be sent. */
  refused?: VnetError;
}

/** What says more about the way than about the command line: the tables are looked at then, too. */
const OF_THE_WAY = new Set(['VNET_ERR_UNREACHABLE', 'VNET_ERR_TIMEOUT', 'VNET_ERR_UNSUPPORTED']);

async function ping(
  run: Run,
  a: string,
  b: string,
  options: EchoOptions,
  named: { from: string; to: string },
): Promise<Outcome> {
  const { vm, bad, faint } = run.paint;
  if (!run.json)
    run.print(`${vm(named.from)} ${run.glyphs.arrow} ${vm(named.to)}: frames of ${options.bytes} octets`);
  try {
    const echoes = await sendEchoes(run, a, b, options, (sequence, rttUs, hops) => {
      if (run.json) return;
      const start = faint(`seq=${sequence}`);
      if (rttUs === null) run.print(`${start} ${bad(`no answer in ${duration(options.timeoutMs)}`)}`);
      else run.print(`${start} ${hops === undefined ? '' : `hops=${hops} `}time=${milliseconds(rttUs)} ms`);
    });
    return { echoes };
  } catch (thrown) {
    const refused = VnetError.from(thrown);
    if (!OF_THE_WAY.has(refused.code)) throw thrown;
    return { echoes: { rttUs: [], stats: echoStats([]) }, refused };
  }
}

/** Three digits, as ping(8) has them. */
const milliseconds = (us: number): string => {
  const ms = us / 1000;
  return ms.toFixed(ms >= 100 ? 0 : ms >= 10 ? 1 : ms >= 1 ? 2 : 3);
};

function showSummary(run: Run, from: string, to: string, { stats }: Echoes): void {
  const { faint, good, bad, warn } = run.paint;
  if (stats.sent === 0) return;
  const paint = stats.answered === 0 ? bad : stats.lossRatio > 0 ? warn : good;
  run.print(
    '',
    `${from} ${run.glyphs.arrow} ${to}: ${stats.sent} sent, ${stats.answered} answered, ${paint(`${percent(stats.lossRatio)} lost`)}`,
  );
  const { rtt } = stats;
  if (!rtt) return;
  const figures = [rtt.minUs, rtt.avgUs, rtt.maxUs, rtt.mdevUs].map(milliseconds).join('/');
  run.print(
    `round trip min/avg/max/mdev ${figures} ms`,
    faint(`The data plane answered at ${to}'s port; the guest itself was not asked.`),
  );
}

function showDiagnosis(run: Run, ways: BothWays, names: NameBook, refused: VnetError | undefined): void {
  const { good, bad, faint } = run.paint;
  if (refused) run.print(bad(refused.message), ...(refused.hint ? [faint(refused.hint)] : []));
  run.print('', faint('What the forwarding tables and counters say:'));
  showBothWays(run, ways, names);
  const { forward, back } = ways;
  const whole = forward.route.delivered && back.route.delivered;
  run.print(
    whole
      ? `${good('The tables deliver both directions')}, yet nothing came back: the table above shows where frames stop.`
      : `${bad('Not reachable')}: ${reasonOf((forward.route.delivered ? back : forward).route)}.`,
    `${faint('next:')} ${run.paint.code(`vnet doctor ${names.nameOf(forward.route.source) ?? forward.route.source} ${names.nameOf(forward.route.destination) ?? forward.route.destination}`)}`,
  );
}

/** `diagnosis`: where nothing was answered. */
function jsonOf(from: string, to: string, { echoes, refused }: Outcome, ways: BothWays | undefined): unknown {
  return {
    from,
    to,
    reachable: echoes.stats.answered > 0,
    ...echoes.stats,
    ...(echoes.hops === undefined ? {} : { hops: echoes.hops }),
    rttUs: echoes.rttUs,
    ...(refused ? { error: refused.toBody() } : {}),
    ...(ways ? { diagnosis: { watchMs: ways.watchMs, forward: ways.forward, back: ways.back } } : {}),
  };
}
