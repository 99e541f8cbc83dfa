/**
 * One end of a UDP link, without a daemon: the data plane and Wren's agent, in whatever namespace it is started in.
 * `node underlay-endpoint.js NAME ADDRESS PEER_NAME [PEER_ADDRESS]`; with a peer's address it dials. Prints a line of
 * JSON every REPORT_MS until its standard input ends.
 */
import { DEFAULT_PORT, systemClock } from '../../core/index.js';
import { createUserPlane } from '../../native/index.js';
import { WrenAgent } from '../../wren/index.js';

const [name = '', address = '', peer = '', peerAddress] = process.argv.slice(2);
const LINK = 1;
const TICK_MS = 50;
const STATES_MS = 250;
const REPORT_MS = 100;

let up = false;
const plane = createUserPlane({
  misses: () => undefined,
  events: (events) => {
    for (const event of events) {
      if (event.kind === 'note') agent.note(event.link, event.note);
      if (event.kind !== 'link') continue;
      up = event.up;
      tellLinks();
    }
  },
  arrivals: (arrivals) => agent.arrivals(arrivals),
});
const agent = new WrenAgent({ host: name, plane, clock: systemClock, random: Math.random });
const tellLinks = (): void => agent.links([{ link: LINK, id: 'measured', peer, type: 'udp', up }]);

plane.listen(address, DEFAULT_PORT);
plane.openLink({
  link: LINK,
  edge: 2,
  type: 'udp',
  id: new Uint8Array(8).fill(1),
  secret: new Uint8Array(16).fill(2),
  initiator: peerAddress !== undefined,
  ...(peerAddress === undefined ? {} : { dial: { address: peerAddress, port: DEFAULT_PORT } }),
  keepAliveMs: 200,
  deadAfterMs: 800,
  backoffCapMs: 1000,
});
plane.setEdge(2, [LINK]);
tellLinks();

const timers = [
  setInterval(() => agent.tick(), TICK_MS),
  setInterval(() => void plane.snapshot().then(({ links }) => agent.states(links)), STATES_MS),
  setInterval(() => {
    const { links, notes } = agent.report();
    const line = { atMs: Date.now(), estimate: links[0], notes, probeBytes: agent.probeBytes(LINK) };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }, REPORT_MS),
];
process.stdin.on('end', () => {
  for (const timer of timers) clearInterval(timer);
  plane.close();
});
process.stdin.resume();
