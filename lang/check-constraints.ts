/** Checks of `keep` statements: that some placement of the VMs can satisfy them, as far as that is plain to see. */
import { type Constraint, IDENTITY, type Vm } from '../core/index.js';
import { type CheckContext, checkUnique } from './check-context.js';
import * as words from './wording.js';

type Placed = Extract<Constraint, { kind: 'apart' | 'together' }>;

export function checkConstraints(context: CheckContext): void {
  const { constraints } = context.topology;
  checkUnique(context, constraints, IDENTITY.constraints, ({ kind, vms }) =>
    words.duplicate(`"keep ${kind}" for ${vms.join(' ')}`),
  );
  const sound = constraints.filter((constraint) => checkNames(context, constraint));
  for (const constraint of sound) if (constraint.kind === 'within') checkBound(context, constraint);
  const of = (kind: Placed['kind']): Placed[] =>
    sound.filter((constraint): constraint is Placed => constraint.kind === kind);
  const groups = new Groups(of('together'));
  for (const constraint of of('together')) checkTogether(context, groups, constraint);
  for (const constraint of of('apart')) checkApart(context, groups, constraint);
}

/** True: two VMs or more, each known and named once. */
function checkNames(context: CheckContext, constraint: Constraint): boolean {
  const { vms } = constraint;
  if (vms.length < 2) context.report(constraint, 'head', words.keepNothing());
  const seen = new Set<string>();
  let isSound = vms.length >= 2;
  for (const [index, vm] of vms.entries()) {
    isSound = context.knows('VM', vm, constraint, `vm:${index}`) && isSound;
    if (seen.has(vm)) context.report(constraint, `vm:${index}`, words.keepOne(vm));
    seen.add(vm);
  }
  return isSound && seen.size === vms.length;
}

function checkBound(context: CheckContext, constraint: Extract<Constraint, { kind: 'within' }>): void {
  const { vms, maxLatencyUs } = constraint;
  if (!(maxLatencyUs >= 1 && maxLatencyUs <= Number.MAX_SAFE_INTEGER))
    context.report(constraint, 'latency', words.badNumber(String(maxLatencyUs), 'a time', '20ms or 500us'));
  const [a, b] = vms.map((name) => context.vms.get(name));
  if (a && b && a.network !== b.network)
    context.report(constraint, 'vm:1', words.keepNetworks(a.name, b.name));
}

function checkTogether(context: CheckContext, groups: Groups, constraint: Placed): void {
  const group = groups.membersOf(constraint.vms[0] ?? '');
  // Several statements may make one group: said at one of them.
  if (groups.isReported(constraint.vms[0] ?? '')) return;
  const members = group.flatMap((name) => context.vms.get(name) ?? []);
  const [first, ...others] = members.map((vm) => placesOf(vm));
  const common = others.reduce<Set<string> | undefined>(
    (both, places) =>
      both && places ? new Set([...both].filter((each) => places.has(each))) : (both ?? places),
    first,
  );
  if (common?.size === 0) context.report(constraint, 'head', words.noCommonHost(group));
}

function checkApart(context: CheckContext, groups: Groups, constraint: Placed): void {
  const { vms } = constraint;
  const pinned = new Map<string, string>();
  const group = new Map<string, string>();
  for (const [index, name] of vms.entries()) {
    const mate = group.get(groups.of(name));
    const vm = context.vms.get(name);
    const other = vm?.pinned === true ? pinned.get(vm.host) : undefined;
    if (mate !== undefined) context.report(constraint, `vm:${index}`, words.apartTogether(mate, name));
    else if (vm && other !== undefined)
      context.report(constraint, `vm:${index}`, words.pinnedTogether(other, name, vm.host));
    group.set(groups.of(name), name);
    if (vm?.pinned === true) pinned.set(vm.host, name);
  }
  const hosts = context.hosts.size;
  if (vms.length > hosts && !context.options.partial)
    context.report(constraint, 'head', words.tooFewHosts(vms.length, hosts));
}

/** Undefined: anywhere. */
const placesOf = ({ pinned, host, among }: Vm): Set<string> | undefined =>
  pinned === true ? new Set([host]) : among && new Set(among);

/** VMs that statements join, directly or by way of others: a union-find without ranks. */
class Groups {
  readonly #parent = new Map<string, string>();
  readonly #members = new Map<string, string[]>();
  readonly #reported = new Set<string>();

  constructor(together: readonly Placed[]) {
    for (const { vms } of together)
      for (const vm of vms) this.#parent.set(this.of(vm), this.of(vms[0] ?? vm));
    for (const name of new Set(together.flatMap(({ vms }) => vms))) {
      const members = this.#members.get(this.of(name));
      if (members === undefined) this.#members.set(this.of(name), [name]);
      else members.push(name);
    }
  }

  /** The group's name: one of its members. A VM that nothing joins is its own. */
  of(name: string): string {
    let root = name;
    for (
      let next = this.#parent.get(root);
      next !== undefined && next !== root;
      next = this.#parent.get(root)
    )
      root = next;
    this.#parent.set(name, root);
    return root;
  }

  membersOf(name: string): string[] {
    return this.#members.get(this.of(name)) ?? [name];
  }

  /** True from the second question on. */
  isReported(name: string): boolean {
    const group = this.of(name);
    const before = this.#reported.has(group);
    this.#reported.add(group);
    return before;
  }
}
