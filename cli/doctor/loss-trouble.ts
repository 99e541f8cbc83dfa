/** Loss at one crossing. */
import { percent } from '../format.js';
import { type Finding, hopName } from './finding.js';
import type { Hop } from './observation.js';
import { trusted } from './trust.js';

/** Loss that a person notices, and that stalls TCP. */
const LOSS_RATIO_MIN = 0.001;
const LOSS_RATIO_BAD = 0.01;
const LOSS_RATIO_TERRIBLE = 0.05;
const HIDDEN_BY_TCP = 20;

/** Fewer datagrams in the time of one look say nothing about loss. */
const DATAGRAMS_MIN = 100;

export function loss(hop: Hop): Finding[] {
  const known = lossOf(hop);
  if (!known || known.ratio < LOSS_RATIO_MIN) return [];
  const { ratio, evidence } = known;
  const type = hop.estimate?.type ?? hop.link?.type ?? 'udp';
  const heavy = ratio >= LOSS_RATIO_TERRIBLE ? 78 : ratio >= LOSS_RATIO_BAD ? 68 : 45;
  const weight = type === 'udp' ? heavy : heavy - HIDDEN_BY_TCP; // frames come late, and all of them
  return [
    {
      kind: 'loss',
      weight,
      where: hopName(hop),
      text: `${percent(ratio)} of what ${hop.from} sends to ${hop.to} over ${type} is ${type === 'udp' ? 'lost' : 'sent again'}`,
      evidence,
      next:
        type === 'udp' && ratio >= LOSS_RATIO_BAD
          ? `vnet link add tcp ${hop.from} ${hop.to}`
          : 'vnet net --links',
    },
  ];
}

/** The estimate; where there is none, what the other end counted meanwhile, if it was enough. */
function lossOf({ estimate, arrivals }: Hop): { ratio: number; evidence: string } | undefined {
  const known = estimate?.lossRatio;
  const ratio = trusted(known);
  if (known && ratio !== undefined)
    return { ratio, evidence: `measured by ${known.method}, ${percent(known.confidence)} sure` };
  const sent = arrivals ? arrivals.arrived + arrivals.lost : 0;
  if (!arrivals || known || sent < DATAGRAMS_MIN) return undefined;
  return { ratio: arrivals.lost / sent, evidence: `${arrivals.lost} of ${sent} datagrams just now` };
}
