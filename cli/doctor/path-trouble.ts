/** What is wrong with the way as a whole: forwarding, dead edges, relays, echoes that stay away. */
import { percent, plural, roundTrip } from '../format.js';
import { crossings } from '../survey.js';
import { type Finding, hopName } from './finding.js';
import type { DeadEdge, PairObservation } from './observation.js';

/** Full size lost more than small frames by this share: it does not pass. */
const FULL_SIZE_LOSS_MIN = 0.5;
/** Echo loss above this share is loss, not one unlucky frame. */
const ECHO_LOSS_MIN = 0.1;

export function pathTrouble(seen: PairObservation): Finding[] {
  return [
    ...notDelivered(seen),
    ...deadEdges(seen),
    ...noAnswer(seen),
    ...fullSizeLost(seen),
    ...echoesLost(seen),
    ...relayed(seen),
  ];
}

/** The tables as the Proxy knows them; frames that came through all the same know better. */
function notDelivered({ there, back, from, to, echoes }: PairObservation): Finding[] {
  const passed = (echoes?.small.answered ?? 0) > 0;
  return [
    { route: there, source: from.text, destination: to.text },
    { route: back, source: to.text, destination: from.text },
  ].flatMap(({ route, source, destination }): Finding[] => {
    if (!route || route.delivered) return [];
    const last = route.hops.findLast((hop) => hop.verdict === 'drop');
    return [
      {
        kind: 'not-delivered',
        weight: passed ? 34 : 90,
        where: last?.host ?? source,
        text: passed
          ? `the Proxy held that frames from ${source} to ${destination} are dropped, and echoes came through a moment later`
          : `frames from ${source} to ${destination} are dropped${last ? ` at ${last.host}: ${last.to}` : ''}`,
        ...(last ? { evidence: last.why } : {}),
        next: `vnet route ${source} ${destination}`,
      },
    ];
  });
}

/** The cause of what is slow on the star meanwhile, so it stands above loss and full links there. */
function deadEdges({ deadEdges: edges }: PairObservation): Finding[] {
  const seen = new Set<string>();
  return [...edges]
    .sort((a, b) => Number(a.back) - Number(b.back))
    .flatMap((edge): Finding[] => {
      const key = [edge.from, edge.to].sort().join(' ');
      if (seen.has(key)) return [];
      seen.add(key);
      if (edge.states.length > 0 && edge.back) return [flapping(edge)];
      return [
        {
          kind: 'ground',
          weight: edge.star ? 91 : 82,
          where: hopName(edge),
          text: `no link from ${edge.from} to ${edge.to} is up, ${edge.star ? 'which is the ground itself: frames end there' : 'so frames fall back to the star'}`,
          evidence: edge.states.length > 0 ? edge.states.join('; ') : 'no link joins the two',
          next:
            edge.states.length > 0
              ? `vnet links --host ${edge.from}`
              : `vnet link add udp ${edge.from} ${edge.to}`,
        },
      ];
    });
}

const flapping = (edge: DeadEdge): Finding => ({
  kind: 'ground',
  weight: 50,
  where: hopName(edge),
  text: `the link from ${edge.from} to ${edge.to} was down a moment ago and is up again: it comes and goes`,
  evidence: edge.states.join('; '),
  next: 'vnet events --kind link',
});

function noAnswer({ echoes, there, back, from, to }: PairObservation): Finding[] {
  if (!echoes || echoes.small.sent === 0 || echoes.small.answered > 0) return [];
  const whole = there?.delivered === true && back?.delivered === true;
  return [
    {
      kind: 'no-answer',
      weight: whole ? 85 : 70,
      where: `${from.text} -> ${to.text}`,
      text: `no echo between ${from.text} and ${to.text} is answered${whole ? ' although the tables deliver both directions' : ''}`,
      evidence: `${echoes.small.sent} sent`,
      next: to.vm ? `vnet status --host ${to.vm.host}` : `vnet route ${from.text} ${to.text}`,
    },
  ];
}

function fullSizeLost({ echoes, mtu, from, to, hops }: PairObservation): Finding[] {
  if (!echoes || echoes.small.answered === 0 || echoes.full.sent === 0) return [];
  if (echoes.full.lossRatio - echoes.small.lossRatio < FULL_SIZE_LOSS_MIN) return [];
  const narrow = hops
    .filter((hop) => hop.estimate?.pathMtuBytes !== undefined)
    .sort((a, b) => (a.estimate?.pathMtuBytes?.value ?? 0) - (b.estimate?.pathMtuBytes?.value ?? 0))[0];
  return [
    {
      kind: 'mtu',
      weight: 80,
      where: narrow ? hopName(narrow) : `${from.text} -> ${to.text}`,
      text: `frames of full size are lost, small ones pass: the path carries less than the network's MTU${mtu === undefined ? '' : ` of ${mtu}`}`,
      evidence:
        `${percent(echoes.full.lossRatio)} of full-size echoes lost, ${percent(echoes.small.lossRatio)} of small ones` +
        (narrow
          ? `; ${hopName(narrow)} carries packets of ${narrow.estimate?.pathMtuBytes?.value} octets`
          : ''),
      next: `vnet perf ${from.text} ${to.text}`,
    },
  ];
}

/** Loss that no link admits: between the links, at a device, or too new for an estimate. */
function echoesLost({ echoes, from, to }: PairObservation): Finding[] {
  if (!echoes || echoes.small.answered === 0 || echoes.small.lossRatio < ECHO_LOSS_MIN) return [];
  return [
    {
      kind: 'loss',
      weight: 62,
      where: `${from.text} -> ${to.text}`,
      text: `${percent(echoes.small.lossRatio)} of the echoes between ${from.text} and ${to.text} are lost`,
      evidence: `${echoes.small.sent} small frames sent`,
      next: `vnet perf ${from.text} ${to.text} --for 30s`,
    },
  ];
}

/** By a third host although nothing is dead: a direct link might be faster. */
function relayed({ there, deadEdges: dead, hops }: PairObservation): Finding[] {
  if (!there?.delivered || dead.length > 0) return [];
  const path = crossings(there);
  const [first, last] = [path[0]?.host, path.at(-1)?.to];
  if (path.length < 2 || first === undefined || last === undefined) return [];
  const rttUs = hops
    .filter((hop) => hop.way === 'there')
    .reduce((sum, hop) => sum + (hop.link?.rttUs ?? 0), 0);
  const between = path.slice(1).map((hop) => hop.host);
  return [
    {
      kind: 'relayed',
      weight: 30,
      where: between.join(', '),
      text: `frames are relayed by ${between.join(', ')}, over ${plural(path.length, 'edge')}`,
      ...(rttUs > 0 ? { evidence: `round trips of its links add up to ${roundTrip(rttUs)}` } : {}),
      next: `vnet link add udp ${first} ${last}`,
    },
  ];
}
