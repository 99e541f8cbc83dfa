/**
 * The ends of the paths to a VM that moves: only these are cut short while epochs switch, so that what waits for the VM,
 * or comes late, gets to its new port at once and not when the old epoch is over. Pure.
 *
 *   destination   takes frames of the old epoch too from `prepare` on: they would only be sent on to where it was
 *   source        sends on what comes of the old epoch from `switch` on: its port has nobody behind it any more
 *
 * Both know the VM by the second port that admits it (Place.alsoAt); without one nothing of this happens.
 */
import type { HostConfig, Rule } from '../../core/index.js';

/** `rules`, prepared: the one to the VM's new port replaces the one that leads away at once. */
export function enterPorts(installed: HostConfig, rules: Rule[], switching: ReadonlySet<number>): Rule[] {
  const next = nextEpochs(installed);
  return succeed(rules, switching, (rule) => rule.toEpoch === next.get(rule.network), {
    isHeir: (rule) => rule.fromEpoch === next.get(rule.network) && isAdmitted(installed, rule),
  });
}

/** The rules of `installed`, switched: the one that leads away replaces the one to the VM's old port at once. */
export function leavePorts(
  installed: HostConfig,
  target: HostConfig,
  switching: ReadonlySet<number>,
): Rule[] {
  const next = nextEpochs(installed);
  const isLeft = (rule: Rule) => rule.toEpoch === next.get(rule.network) && isAdmitted(target, rule);
  return succeed(installed.rules, switching, isLeft, {
    isHeir: (rule) => rule.fromEpoch === next.get(rule.network),
  });
}

/** Rules that end give the epochs they hold for to those of equal matchers that begin. */
function succeed(
  rules: Rule[],
  switching: ReadonlySet<number>,
  isEnding: (rule: Rule) => boolean,
  { isHeir }: { isHeir(rule: Rule): boolean },
): Rule[] {
  const isOwn = ({ network, origin, destination }: Rule) =>
    switching.has(network) && origin === 'auto' && destination.kind === 'exact';
  const ending = new Map<string, Rule>();
  for (const rule of rules)
    if (rule.toEpoch !== undefined && isOwn(rule) && isEnding(rule)) ending.set(matchers(rule), rule);
  if (ending.size === 0) return rules;
  const gone = new Set<Rule>();
  const kept = rules.map((rule) => {
    const before = rule.fromEpoch > 0 && isOwn(rule) && isHeir(rule) ? ending.get(matchers(rule)) : undefined;
    if (!before || before === rule) return rule;
    gone.add(before);
    return { ...rule, fromEpoch: before.fromEpoch };
  });
  return gone.size === 0 ? rules : kept.filter((rule) => !gone.has(rule));
}

const nextEpochs = ({ networks }: HostConfig) => new Map(networks.map(({ id, epoch }) => [id, epoch + 1]));

const matchers = ({ network, source, destination }: Rule): string =>
  JSON.stringify([network, source, destination]);

/** It leads to a port that admits its address. */
function isAdmitted({ ports }: HostConfig, { actions, destination }: Rule): boolean {
  const mac = destination.kind === 'exact' ? destination.mac : undefined;
  return actions.every(
    (action) =>
      action.kind === 'port' &&
      mac !== undefined &&
      (ports.find(({ port }) => port === action.port)?.macs.includes(mac) ?? false),
  );
}
