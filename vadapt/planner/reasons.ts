/** Why a step is taken, in a sentence, and the measurements behind it. */
import type { AdaptAction, Evidence, PlannedAction } from '../../core/index.js';
import type { Placement } from '../model/problem.js';
import { cpuLack } from './cpu-lack.js';
import { type Draft, pathNames } from './draft.js';
import { pairKey } from './ground.js';
import { edgeKeys } from './links.js';
import { WAITS_MIN } from './vms.js';
import { bits, counted, listed, percent } from './wording.js';

/** By flow, what it can have; bits a second. */
export interface FlowRates {
  before: Float64Array;
  after: Float64Array;
}

/** Flows that the evidence of one step names. */
const FLOWS_NAMED = 3;

export class Reasons {
  readonly #draft: Draft;
  readonly #then: Placement;
  readonly #rates: FlowRates;

  constructor(draft: Draft, then: Placement, rates: FlowRates) {
    this.#draft = draft;
    this.#then = then;
    this.#rates = rates;
  }

  of(action: AdaptAction): PlannedAction {
    switch (action.kind) {
      case 'move':
        return { action, ...this.#move(action.vm, action.from, action.to) };
      case 'link':
        if (action.sign === '-')
          return { action, why: 'no route of adaptation takes it any more', evidence: [] };
        return { action, ...this.#link(action.link.a, action.link.b) };
      case 'route':
        if (action.sign === '-')
          return { action, why: 'its VMs do not talk now, have moved, or go another way', evidence: [] };
        return { action, ...this.#route(action.route.from, action.route.to) };
      case 'reserve-link': {
        const { from, to, bitsPerSecond } = action.reservation;
        if (action.sign === '-')
          return { action, why: 'its link goes, or needs none any more', evidence: [] };
        const why = `the flows over ${from} to ${to} shall have ${bits(bitsPerSecond)} whatever others send`;
        return { action, why, evidence: this.#edge(from, to) };
      }
      case 'reserve-cpu': {
        const { vm, sliceUs, periodUs } = action.reservation;
        if (action.sign === '-') return { action, why: `${vm} needs none any more`, evidence: [] };
        const why = `${vm} shall have ${Number((sliceUs / periodUs).toFixed(2))} of a CPU whoever else wants it`;
        return { action, why, evidence: this.#cpu(vm) };
      }
    }
  }

  #move(vm: string, from: string, to: string): { why: string; evidence: Evidence[] } {
    const flows = this.#flows(({ from: a, to: b }) => a === vm || b === vm);
    const peers = new Set(flows.map((i) => this.#other(i, vm)));
    const waits = this.#cpu(vm);
    const reasons = [];
    if (waits.length > 0) reasons.push(`it lacks CPU on ${from}`);
    if (flows.length > 0) {
      const who = peers.size > FLOWS_NAMED ? counted(peers.size, 'VM') : listed([...peers]);
      reasons.push(`it talks to ${who}, and on ${to} its flows can have ${this.#sums(flows)}`);
    }
    if (reasons.length === 0) reasons.push('the constraints ask for it');
    return { why: reasons.join('; '), evidence: [...this.#evidence(flows), ...waits] };
  }

  #link(a: string, b: string): { why: string; evidence: Evidence[] } {
    const key = pairKey(a, b);
    const flows = this.#draft.flows
      .map((_, i) => i)
      .filter((i) => edgeKeys(pathNames(this.#draft, this.#then.paths[i] as Int32Array)).includes(key));
    const rate = flows.reduce((sum, i) => sum + (this.#draft.flows[i]?.bitsPerSecond ?? 0), 0);
    const why = `it carries ${counted(flows.length, 'flow')}, ${bits(rate)} now, which can have ${this.#sums(flows)}`;
    return { why, evidence: [...this.#evidence(flows), ...this.#edge(a, b), ...this.#edge(b, a)] };
  }

  #route(from: string, to: string): { why: string; evidence: Evidence[] } {
    const flows = this.#flows(
      (flow) => (flow.from === from && flow.to === to) || (flow.from === to && flow.to === from),
    );
    const flow = flows.find((i) => this.#draft.flows[i]?.from === from) ?? flows[0];
    if (flow === undefined) return { why: `${from} and ${to} go this way`, evidence: [] };
    const then = pathNames(this.#draft, this.#then.paths[flow] as Int32Array).join(' - ');
    const now = pathNames(this.#draft, this.#draft.present.paths[flow] as Int32Array).join(' - ');
    const [before, after] = [this.#rates.before[flow] as number, this.#rates.after[flow] as number];
    const why = `over ${then} it can have ${bits(after)}, over ${now} ${bits(before)}`;
    return { why, evidence: this.#evidence(flows) };
  }

  #flows(matches: (flow: { from: string; to: string }) => boolean): number[] {
    return this.#draft.flows
      .map((_, i) => i)
      .filter((i) => matches(this.#draft.flows[i] as { from: string; to: string }));
  }

  #other(flow: number, vm: string): string {
    const { from, to } = this.#draft.flows[flow] as { from: string; to: string };
    return from === vm ? to : from;
  }

  #sums(flows: readonly number[]): string {
    const sum = (rates: Float64Array) => bits(flows.reduce((all, i) => all + (rates[i] as number), 0));
    return `${sum(this.#rates.after)} in place of ${sum(this.#rates.before)}`;
  }

  /** Of the busiest flows: their rates, and the edges they take now. */
  #evidence(flows: readonly number[]): Evidence[] {
    const { snapshot, present, flows: all } = this.#draft;
    const rates = flows.slice(0, FLOWS_NAMED).map((i): Evidence => {
      const { from, to, bitsPerSecond } = all[i] as { from: string; to: string; bitsPerSecond: number };
      const ageMs = snapshot.matrix.parameters.smoothingMs;
      return {
        text: `${from} sends ${to} ${bits(bitsPerSecond)}`,
        ageMs,
        confidence: snapshot.settled ? 1 : 0.5,
      };
    });
    const [busiest] = flows;
    if (busiest === undefined) return rates;
    const path = pathNames(this.#draft, present.paths[busiest] as Int32Array);
    return [...rates, ...path.slice(1).flatMap((host, i) => this.#edge(path[i] as string, host))];
  }

  #edge(from: string, to: string): Evidence[] {
    const edge = this.#draft.edges.get(`${from} ${to}`);
    const available = edge?.measured?.availableBitsPerSecond;
    if (!edge) return [];
    if (!available) {
      const text = `${from} to ${to} is not measured, and taken for ${bits(edge.bitsPerSecond)}`;
      return [{ text, ageMs: 0, confidence: 0 }];
    }
    const own = edge.own > 0 ? `, and ${bits(edge.own)} of this application on it` : '';
    const text = `${from} to ${to} has ${bits(available.value)} to spare (${available.method})${own}`;
    return [{ text, ageMs: available.ageMs, confidence: available.confidence }];
  }

  #cpu(name: string): Evidence[] {
    const { snapshot } = this.#draft;
    const vm = snapshot.vms.find((one) => one.vm === name);
    const cpu = vm && cpuLack(vm, snapshot);
    if (!vm || !cpu || cpu.waits < WAITS_MIN) return [];
    const text = `${name} uses ${Number(cpu.used.toFixed(2))} CPUs on ${vm.host} and waits ${percent(cpu.waits)} of its time`;
    return [{ text, ageMs: cpu.ageMs, confidence: 1 }];
  }
}
