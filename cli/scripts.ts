/** Topology scripts as the command takes them: read, parsed, their errors shown as a compiler would. */
import { dirname, isAbsolute, join } from 'node:path';
import { TOPOLOGY_LISTS, VnetError, type ChangeRequest, type Topology } from '../core/index.js';
import {
  type Diagnostic,
  type FileKind,
  fileKind,
  parseScript,
  type ParseResult,
  renderDiagnostics,
} from '../lang/index.js';
import { plural } from './format.js';
import { overlayWarnings } from './overlay-warnings.js';
import type { Run } from './run.js';

export interface ScriptOptions {
  /** Which host is the Proxy, where the script (the paper's form) does not say. */
  proxy?: string;
}

/** A script with errors: `details` holds the diagnostics, `rendered` what a person reads. */
export class ScriptErrors extends VnetError {
  constructor(
    what: 'script' | 'statement',
    readonly diagnostics: Diagnostic[],
    readonly rendered: string,
    hint?: string,
  ) {
    const errors = diagnostics.filter((diagnostic) => diagnostic.severity === 'error').length;
    super('VNET_ERR_SCRIPT', `${plural(errors, 'error')} in the ${what}; nothing was changed`, {
      details: diagnostics,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

/**
 * Parses without judging: the caller looks at `diagnostics`. `running`: what a script that deletes will meet.
 * Throws `VNET_ERR_NOT_FOUND` for an unreadable file, `VNET_ERR_INVALID` for one that is no script at all.
 */
export function parseFile(run: Run, path: string, options: ScriptOptions, running?: Topology): ParseResult {
  const text = readScript(run, path);
  const parsed = parseScript(text, {
    file: path,
    ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
    ...(running === undefined ? {} : { running }),
    readInclude: (included, from) => {
      const inner = readScript(run, beside(included, from));
      const kind = fileKind(inner);
      if (kind.kind === 'foreign' || kind.kind === 'lab') throw new Error(`it seems to be ${nameOf(kind)}`);
      return inner;
    },
  });
  if (parsed.diagnostics.some(({ severity }) => severity === 'error')) refuseOthers(path, fileKind(text));
  return parsed;
}

/** One error for a file of another kind, instead of one for each of its lines. */
function refuseOthers(path: string, kind: FileKind): void {
  if (kind.kind !== 'foreign' && kind.kind !== 'lab') return;
  const name = path === '-' ? 'standard input' : path;
  throw new VnetError('VNET_ERR_INVALID', `${name} is no topology script; it seems to be ${nameOf(kind)}`, {
    hint:
      kind.kind === 'lab'
        ? `\`vnet lab up ${path}\` makes the lab; a script says what runs in it, \`vnet show\` prints one`
        : 'a script is text such as `vnet show` prints: "proxy home at 10.0.0.1:7700" and so on',
  });
}

const nameOf = (kind: FileKind): string => (kind.kind === 'foreign' ? kind.what : 'a lab file');

/** A script without errors; its warnings are shown. Throws `ScriptErrors` otherwise. */
export function loadScript(run: Run, path: string, options: ScriptOptions, running?: Topology): ParseResult {
  const parsed = parseFile(run, path, options, running);
  if (parsed.diagnostics.some((diagnostic) => diagnostic.severity === 'error')) {
    throw new ScriptErrors('script', parsed.diagnostics, renderScript(run, parsed.diagnostics));
  }
  warn(run, parsed.diagnostics);
  return parsed;
}

/** Warnings beside the result; with `--json` they are part of it. */
function warn(run: Run, warnings: Diagnostic[]): void {
  if (warnings.length > 0 && !run.json) run.note(renderScript(run, warnings));
}

/** A script as a request, and what it is warned of: by the language, and by the running overlay. */
export interface LoadedRequest {
  request: ChangeRequest;
  warnings: Diagnostic[];
}

/** What applying a script to the running overlay means; a script that deletes is checked against what runs. */
export async function loadRequest(run: Run, path: string, options: ScriptOptions): Promise<LoadedRequest> {
  const parsed = await loadFor(run, path, options);
  const request = requestOf(parsed);
  const found = await overlayWarnings(run, path, request);
  warn(run, found);
  return { request, warnings: [...parsed.diagnostics, ...found] };
}

async function loadFor(run: Run, path: string, options: ScriptOptions): Promise<ParseResult> {
  if (deletes(parseFile(run, path, options))) {
    const { topology } = await run.client.overview();
    return loadScript(run, path, options, topology);
  }
  const parsed = loadScript(run, path, options);
  if (parsed.topology.hosts.length === 0) await refuseEmpty(run, path);
  return parsed;
}

/** A script without a host is more likely a slip than the wish to take everything down. */
async function refuseEmpty(run: Run, path: string): Promise<void> {
  const { topology } = await run.client.overview();
  if (topology.hosts.length === 0) return;
  throw new VnetError(
    'VNET_ERR_INVALID',
    `${path} names no host: applying it would remove all that you own`,
    {
      hint: 'keep at least the `proxy` line of the script',
    },
  );
}

const deletes = ({ form, change }: ParseResult): boolean =>
  form === 'paper' && TOPOLOGY_LISTS.some((list) => change.remove[list].length > 0);

/** The diagnostics with the lines they point at. */
export function renderScript(run: Run, diagnostics: Diagnostic[]): string {
  return renderDiagnostics(diagnostics, (file) => sourceOf(run, file), { color: run.colourErrors }).trimEnd();
}

/** A script that deletes is a change of what runs, any other says what shall be. */
export function requestOf(parsed: ParseResult): ChangeRequest {
  return deletes(parsed)
    ? { kind: 'change', change: parsed.change }
    : { kind: 'target', topology: parsed.topology };
}

/** The Proxy of a topology. Throws `VNET_ERR_INVALID` where none is named. */
export function proxyOf(topology: Topology): Topology['hosts'][number] {
  const proxy = topology.hosts.find((host) => host.proxy === true);
  if (proxy) return proxy;
  throw new VnetError('VNET_ERR_INVALID', 'the script names no Proxy', {
    hint: 'write `proxy NAME at ADDRESS:PORT`, or name it with --proxy',
  });
}

function readScript(run: Run, path: string): string {
  try {
    return run.readText(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const reason =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EISDIR'
          ? 'it is a directory'
          : cause instanceof Error
            ? cause.message
            : String(cause);
    throw new VnetError('VNET_ERR_NOT_FOUND', `cannot read ${path}: ${reason}`, { cause });
  }
}

function sourceOf(run: Run, path: string): string | undefined {
  try {
    return run.readText(path);
  } catch {
    return undefined; // an include that could not be read: that is what the diagnostic says
  }
}

const beside = (included: string, from: string): string =>
  from === '-' || isAbsolute(included) ? included : join(dirname(from), included);
