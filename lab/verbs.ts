/** `vnet lab ...`, to be mounted by the command. */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { VnetError } from '../core/index.js';
import { printTopology } from '../lang/index.js';
import { type Lab, listLabs, makeLab, openLab, removeLab } from './lab.js';
import type { PathMeasurement } from './measure.js';
import { parseLab } from './parse.js';
import { addPatternsVerb } from './patterns/index.js';
import { ensurePrivilege, reexecInUserNamespace } from './privilege.js';
import type { LabSpec } from './spec.js';
import type { LabTruth } from './truth.js';
import { DEFAULT_PROXY, topologyOf } from './topology.js';
import { formatRate } from './units.js';
import { addWebVerb } from './webapp/index.js';

const EXIT_DEVIATION = 2;
const SIGNALS: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const print = (text: string) => void process.stdout.write(`${text}\n`);
const printJson = (value: unknown) => print(JSON.stringify(value, null, 2));

/** Rows as columns, two blanks apart. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function readSpec(file: string): LabSpec {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new VnetError('VNET_ERR_NOT_FOUND', `cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
  return parseLab(text, file);
}

const nameFrom = (file: string) => basename(file).replace(/\.[^.]*$/, '');

/** True if labs can be made here; false if the command ran in a user namespace instead and is over. */
function privileged(): boolean {
  const { means, reason } = ensurePrivilege();
  if (means === 'direct') return true;
  if (means === 'none')
    throw new VnetError('VNET_ERR_PRIVILEGE', 'a lab needs network namespaces', { hint: reason });
  process.exitCode = reexecInUserNamespace();
  return false;
}

function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stay = setInterval(() => {}, 2 ** 30);
    for (const signal of SIGNALS) {
      process.once(signal, () => {
        clearInterval(stay);
        resolve();
      });
    }
  });
}

function summary(truth: LabTruth): string {
  const hosts = truth.hosts.map((host) => [`  ${host.name}`, host.addresses.join(' '), host.namespace]);
  const vms = truth.vms.map((vm) => [`  ${vm.name}`, `on ${vm.host} as ${vm.portSpec}`, vm.namespace]);
  return `lab ${truth.name}\n${table([...hosts, ...vms])}`;
}

async function up(file: string, options: { name?: string }): Promise<void> {
  const spec = readSpec(file); // mistakes are told before privileges
  if (!privileged()) return;
  const lab = await makeLab(spec, { name: options.name ?? nameFrom(file) });
  print(summary(lab.truth()));
  if (!ensurePrivilege().rootless) {
    print(
      `try: vnet lab exec ${lab.name} ${lab.hosts[0]?.name} -- ip addr; remove it: vnet lab down ${lab.name}`,
    );
    return;
  }
  print(`without root the lab lives as long as this command; Ctrl-C removes it. From another terminal:`);
  print(
    `  nsenter --preserve-credentials -t ${process.pid} -U -n -m vnet lab exec ${lab.name} ${lab.hosts[0]?.name} -- ip addr`,
  );
  await untilSignal();
  await lab.close();
}

async function run(file: string, command: string[], options: { name?: string }): Promise<void> {
  const spec = readSpec(file);
  if (!privileged()) return;
  const lab = await makeLab(spec, { name: options.name ?? nameFrom(file) });
  try {
    const line = command.length > 0 ? command : [process.env.SHELL ?? 'sh'];
    process.exitCode = await runHere(line, { ...process.env, VNET_LAB: lab.name });
  } finally {
    await lab.close();
  }
}

/** Runs a command on this terminal; signals are for it, not for us. Ctrl-C reaches it from the terminal itself. */
function runHere(command: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const [program = '', ...args] = command;
  const ignore = () => {};
  for (const signal of SIGNALS) process.on(signal, ignore);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env });
    const pass = () => void child.kill('SIGTERM');
    process.on('SIGTERM', pass);
    child.on('error', (cause) =>
      reject(new VnetError('VNET_ERR_UNSUPPORTED', `cannot run ${program}: ${cause.message}`, { cause })),
    );
    child.on('exit', (code) => {
      for (const signal of SIGNALS) process.off(signal, ignore);
      process.off('SIGTERM', pass);
      resolve(code ?? 255);
    });
  });
}

function truthText(lab: Lab): string {
  const truth = lab.truth();
  const share = (value: number) => (value === 0 ? '-' : `${Number((value * 100).toPrecision(3))}%`);
  const ms = (value: number) => (value === 0 ? '-' : `${value} ms`);
  const rows = truth.paths.map((path) => [
    `  ${path.from} -> ${path.to}`,
    path.up ? formatRate(path.rateBps) : 'cut',
    ms(path.delayMs),
    ms(path.jitterMs),
    share(path.loss),
    share(path.reorder),
  ]);
  const head = ['  way', 'rate', 'delay', 'jitter', 'loss', 'reorder'];
  const died = truth.impairmentAlive ? '' : ' (it died: remove the lab and make it again)';
  return `${summary(truth)}\nmade by ${truth.impairment}${died}\n${table([head, ...rows])}`;
}

function measureText(results: readonly PathMeasurement[]): string {
  const share = (value: number) => `${(value * 100).toFixed(2)}%`;
  const rows = results.map(({ from, to, promised, got, deviations }) => [
    `${from} - ${to}`,
    promised.up ? `${promised.rttMs} ms` : 'cut',
    got.rttMs === null ? 'nothing' : `${got.rttMs.median} ms`,
    share(promised.loss),
    share(got.loss),
    formatRate(promised.rateBps),
    got.rateBps === null ? '-' : formatRate(got.rateBps),
    deviations.length === 0 ? 'kept' : deviations.join('; '),
  ]);
  return table([['pair', 'round trip', 'got', 'loss', 'got', 'rate', 'got', 'promise'], ...rows]);
}

/** Adds `lab` with its verbs to a program; actions throw VnetError. */
export function labCommands(program: Command): void {
  const lab = program
    .command('lab')
    .description('hosts, VMs and the network between them on this machine, in network namespaces');
  lab
    .command('up')
    .argument('<file>', 'lab file; its statements are described in lab/README.md')
    .option('-n, --name <name>', "the lab's name; default: the file's, without its ending")
    .description('make a lab and leave it running (as an ordinary user: until Ctrl-C)')
    .addHelpText('after', '\nExample:\n  vnet lab up wan.lab && vnet lab measure wan && vnet lab down wan')
    .action(up);
  lab
    .command('run')
    .argument('<file>', 'lab file')
    .argument('[command...]', 'what to run while the lab is up; default: a shell')
    .option('-n, --name <name>', "the lab's name; default: the file's, without its ending")
    .description('make a lab, run a command with VNET_LAB set to its name, remove the lab')
    .addHelpText('after', '\nExample:\n  vnet lab run wan.lab -- vnet lab exec wan a -- ping -c3 10.77.0.2')
    .action(run);
  lab
    .command('down')
    .argument('<name>')
    .description('end everything in a lab and remove exactly what it made, also after a crash')
    .action((name: string) => removeLab(name));
  lab
    .command('list')
    .option('--json', 'as JSON')
    .description('labs on this machine')
    .action((options: { json?: boolean }) => {
      const labs = listLabs();
      if (options.json === true) return printJson(labs);
      if (labs.length === 0) return print('no labs');
      const rows = labs.map((entry) => [entry.name, String(entry.hosts), String(entry.vms), entry.madeAt]);
      print(table([['name', 'hosts', 'VMs', 'made'], ...rows]));
    });
  lab
    .command('truth')
    .argument('<name>')
    .option('--json', 'as JSON')
    .description(
      'what was set: addresses, where each VM is now, and rate, delay, jitter, loss and reordering of every way',
    )
    .action(async (name: string, options: { json?: boolean }) => {
      const opened = openLab(name);
      await opened.refresh();
      if (options.json === true) return printJson(opened.truth());
      print(truthText(opened));
    });
  lab
    .command('measure')
    .argument('<name>')
    .argument('[pair...]', 'pairs such as a:b; default: every pair')
    .option('--seconds <n>', 'of TCP throughput a pair, 0 for none', Number, 2)
    .option('--json', 'as JSON')
    .description(
      `measure what the lab really gives beside what it promises; exit code ${EXIT_DEVIATION} if it differs`,
    )
    .action(async (name: string, pairs: string[], options: { seconds: number; json?: boolean }) => {
      const chosen = pairs.map((pair): [string, string] => {
        const [from = '', to = ''] = pair.split(':');
        return [from, to];
      });
      const results = await openLab(name).measure({
        seconds: Number.isFinite(options.seconds) ? options.seconds : 2,
        ...(chosen.length === 0 ? {} : { pairs: chosen }),
      });
      if (options.json === true) printJson(results);
      else print(measureText(results));
      if (results.some((result) => result.deviations.length > 0)) process.exitCode = EXIT_DEVIATION;
    });
  lab
    .command('exec')
    .argument('<name>')
    .argument('<node>', 'host, VM or client')
    .argument('<command...>')
    .description("run a command in a node's network namespace; the exit code is the command's")
    .addHelpText('after', '\nExample:\n  vnet lab exec wan a -- ping -c3 10.77.0.2')
    .action(async (name: string, node: string, command: string[]) => {
      const opened = openLab(name);
      if (opened.vms.some((vm) => vm.name === node)) await opened.refresh(); // it has its host's CPU quota
      process.exitCode = await runHere(opened.node(node).commandLine(command));
    });
  lab
    .command('script')
    .argument('<name>')
    .option('--proxy <host>', `the Proxy's host; default: ${DEFAULT_PROXY}, or else the first`)
    .description('a topology script with the hosts and VMs of a lab, for `vnet up --lab`')
    .addHelpText('after', '\nExample:\n  vnet lab script wan > wan.vnet && vnet up wan.vnet --lab wan')
    .action(async (name: string, options: { proxy?: string }) => {
      const opened = openLab(name);
      await opened.refresh();
      process.stdout.write(printTopology(topologyOf(opened, options.proxy)));
    });
  addPatternsVerb(lab);
  addWebVerb(lab);
}
