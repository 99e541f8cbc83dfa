/** A place of the lab where commands run. */

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { inCgroup } from './cgroup.js';
import { findProgram, type RunOptions, type RunResult, runCommand } from './command.js';

export type NodeKind = 'host' | 'vm' | 'client';

/** Told by the lab, so that nothing it starts is forgotten. */
export interface ProcessKeeper {
  record(child: ChildProcess, what: string): void;
}

/** A host, VM or client; commands run in its namespace with the file system of this machine. */
export class LabNode {
  readonly #keeper: ProcessKeeper;

  constructor(
    readonly kind: NodeKind,
    readonly name: string,
    /** As `ip netns` knows it. */
    readonly namespace: string,
    /** Without prefix lengths: of a host those on the underlay, of a machine those it was given. */
    readonly addresses: readonly string[],
    /** The CPU quota's group, if it has one. */
    readonly cgroup: string | undefined,
    keeper: ProcessKeeper,
  ) {
    this.#keeper = keeper;
  }

  /** The first address; empty if it has none. */
  get address(): string {
    return this.addresses[0] ?? '';
  }

  /** The command line that runs a command in this place. */
  commandLine(command: readonly string[]): string[] {
    const inside = [findProgram('ip') ?? 'ip', 'netns', 'exec', this.namespace, ...command];
    return this.cgroup === undefined ? inside : inCgroup(this.cgroup, inside);
  }

  /** Runs a command to its end. Any exit code is a result; VNET_ERR_TIMEOUT if `timeoutMs` was given and passed. */
  run(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return runCommand(this.commandLine(command), options);
  }

  /** Starts a command, which ends with the lab at the latest. Options are those of `child_process.spawn`. */
  spawn(command: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [program = '', ...args] = this.commandLine(command);
    const child = spawn(program, args, options);
    this.#keeper.record(child, `${this.name}: ${command.join(' ')}`);
    return child;
  }
}
