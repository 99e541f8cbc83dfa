/** `vnet lab webapp`, to be mounted beside the lab's other verbs. */
import type { Command } from 'commander';
import { type Lab, openLab } from '../lab.js';
import type { LabNode } from '../node.js';
import { startWebApplication, type WebOptions } from './application.js';
import type { WebMix } from './pages.js';
import type { WebReport } from './report.js';

type Print = (text: string) => void;

interface Flags {
  clients: string;
  fronts: string;
  apps: string;
  stores: string;
  images?: string;
  mix: WebMix;
  browsers: number;
  thinkMs: number;
  seconds?: number;
  json?: boolean;
}

const nodes = (lab: Lab, names: string): LabNode[] => names.split(',').map((name) => lab.node(name));

function reportLine(report: WebReport): string {
  return [
    report.client.padEnd(8),
    `${report.interactionsPerSecond.toFixed(1)} interactions/s`.padStart(22),
    `${report.requestsPerSecond.toFixed(0)} requests/s`.padStart(15),
    `median ${report.medianMs} ms`.padStart(16),
    `p95 ${report.p95Ms} ms`.padStart(14),
    report.errors === 0 ? '' : `  ${report.errors} errors: ${report.lastError}`,
  ].join(' ');
}

async function webapp(name: string, flags: Flags, print: Print): Promise<void> {
  const lab = openLab(name);
  const { clients, fronts, apps, stores, images, seconds, json } = flags;
  const show = (report: WebReport) => print(json === true ? JSON.stringify(report) : reportLine(report));
  const options: WebOptions = {
    ...{ mix: flags.mix, browsers: flags.browsers, thinkMs: flags.thinkMs, onReport: show },
    ...(seconds === undefined ? {} : { durationMs: seconds * 1000 }),
  };
  const places = {
    ...{ clients: nodes(lab, clients), fronts: nodes(lab, fronts) },
    ...{ apps: nodes(lab, apps), stores: nodes(lab, stores) },
    ...(images === undefined ? {} : { images: lab.node(images) }),
  };
  await using application = await startWebApplication(places, options);
  const stop = () => void application.stop().catch(() => {});
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, stop);
  const ends = await application.end.finally(() => {
    for (const signal of signals) process.off(signal, stop);
  });
  if (json !== true) print('in all');
  ends.forEach(show);
}

/** Adds `webapp` to the command `lab`. @param print a line; default: standard output */
export function addWebVerb(
  lab: Command,
  print: Print = (text) => void process.stdout.write(`${text}\n`),
): void {
  lab
    .command('webapp')
    .argument('<name>', 'a lab that is up')
    .requiredOption('--clients <nodes>', 'where browsers run; several with commas, here and below')
    .requiredOption('--fronts <nodes>', 'web servers (nginx)')
    .requiredOption('--apps <nodes>', 'application servers')
    .requiredOption('--stores <nodes>', 'data bases (Redis)')
    .option('--images <node>', 'a server of images alone; default: the fronts have them')
    .option('--mix <name>', 'browsing, shopping, ordering', 'shopping')
    .option('--browsers <n>', 'of each client', Number, 10)
    .option('--think-ms <n>', 'mean time a browser thinks after a page', Number, 7000)
    .option('--seconds <n>', 'how long; default: until Ctrl-C', Number)
    .option('--json', 'the reports as JSON lines')
    .description('run a small bookshop of several tiers in the VMs, and browsers that use it')
    .addHelpText(
      'after',
      '\nExample:\n  vnet lab webapp webapp --clients user1,user2 --fronts web --images img --apps app1,app2 --stores db1 --think-ms 500',
    )
    .action((name: string, flags: Flags) => webapp(name, flags, print));
}
