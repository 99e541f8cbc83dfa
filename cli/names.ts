/** Names for addresses and addresses for names, so that a person may say and read either. */
import {
  type Action,
  isMac,
  type MacAddress,
  type OverlayView,
  parseMac,
  VnetError,
  type VmView,
} from '../core/index.js';
import type { DestinationMatcher, Rule, SourceMatcher } from '../core/index.js';
import { nearest } from '../lang/index.js';

export class NameBook {
  readonly vms: readonly VmView[];
  readonly hosts: readonly string[];
  #byMac = new Map<string, VmView>();

  constructor(overlay?: OverlayView) {
    this.vms = overlay?.vms ?? [];
    this.hosts = overlay?.hosts.map((host) => host.name) ?? [];
    for (const vm of this.vms) for (const mac of vm.macs) this.#byMac.set(mac, vm);
  }

  /** The VM with this address; undefined for one nobody registered or a learnt one without a name. */
  nameOf(mac: string): string | undefined {
    const name = this.#byMac.get(mac)?.name;
    return name === mac ? undefined : name;
  }

  /** `web 02:00:00:00:00:01`, or the address alone. */
  label(mac: string): string {
    const name = this.nameOf(mac);
    return name === undefined ? mac : `${name} ${mac}`;
  }

  /** A VM by name or by any form of its address; undefined: nothing is known of it. */
  find(text: string): VmView | undefined {
    return this.vms.find((vm) => vm.name === text) ?? this.#byMac.get(asMac(text) ?? '');
  }

  /**
   * What the API takes for what a person wrote: an address in its one form, or the name as written. Throws
   * `VNET_ERR_NOT_FOUND` for a name that the overlay does not know, with the nearest one in the hint.
   */
  resolve(text: string): string {
    const mac = asMac(text);
    if (mac !== undefined) return mac;
    if (this.vms.some((vm) => vm.name === text)) return text;
    if (/^[0-9a-f]{1,2}([:-][0-9a-f]{0,2})+$/i.test(text)) parseMac(text); // meant as an address: say what is wrong with it
    const near = nearest(
      text,
      this.vms.map((vm) => vm.name),
    );
    throw new VnetError('VNET_ERR_NOT_FOUND', `no VM is called "${text}"`, {
      hint:
        near === undefined
          ? '`vnet vms` lists them; an address such as 02:00:00:00:00:01 does too'
          : `did you mean ${near}?`,
    });
  }

  /** Throws `VNET_ERR_NOT_FOUND`, with the nearest name, for a host that is not in the overlay. */
  host(text: string): string {
    if (this.hosts.includes(text)) return text;
    const near = nearest(text, this.hosts);
    throw new VnetError('VNET_ERR_NOT_FOUND', `no host is called "${text}"`, {
      hint: near === undefined ? '`vnet status` lists the hosts' : `did you mean ${near}?`,
    });
  }

  /** A matcher as the language writes it, with the VM's name instead of the address where one is known. */
  matcher(matcher: SourceMatcher | DestinationMatcher): string {
    if (!('mac' in matcher)) return matcher.kind;
    const name = this.nameOf(matcher.mac) ?? matcher.mac;
    return matcher.kind === 'not' ? `not ${name}` : name;
  }

  /** A rule in one line: `from any to web via edge home`. */
  rule(rule: Rule): string {
    return `from ${this.matcher(rule.source)} to ${this.matcher(rule.destination)} ${actionsText(rule.actions)}`;
  }
}

/** What a rule does, as the language writes it: `via edge b`, `via port tap:web0, edge b`, `via drop`. */
export function actionsText(actions: readonly Action[]): string {
  return `via ${actions.map(actionText).join(', ')}`;
}

function actionText(action: Action): string {
  if (action.kind === 'edge') return `edge ${action.peer}`;
  return action.kind === 'port' ? `port ${action.port}` : action.kind;
}

function asMac(text: string): MacAddress | undefined {
  if (isMac(text)) return text;
  if (!/^[0-9a-f]{1,2}([:-][0-9a-f]{1,2}){5}$/i.test(text)) return undefined;
  return parseMac(text);
}
