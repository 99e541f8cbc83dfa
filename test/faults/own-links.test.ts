/** A LAN port on the interface that carries the host's own links: what the daemons say to each other is not taken in. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { OverlayLab, parseLab, UNDERLAY_INTERFACE } from '../../lab/index.js';
import { labName, needNamespaces, pings, reaches } from '../namespaces/index.js';

const skip = needNamespaces();
const LOOK_MS = 1500;
/** ARP, neighbour discovery and pings between the hosts, which are the LAN's. */
const IDLE_FRAMES_MAX = 100;
/** Nobody listens there. */
const OTHER_PORT = 7702;
const DATAGRAMS = 100;
const SENDER = `
const socket = require('node:dgram').createSocket('udp4');
let left = ${DATAGRAMS};
const next = () => (left-- > 0 ? socket.send('x', ${OTHER_PORT}, process.argv[1], next) : socket.close());
next();
`;

const LAB = `
underlay 10.77.0.0/24
host home
host a
host b
vm a1 on a mac 02:00:00:00:0a:01 ip 10.9.0.11/24
vm b1 on b mac 02:00:00:00:0b:01 ip 10.9.0.21/24
`;

t.test('a learning port on the interface of the links', { skip }, async (t) => {
  const overlay = await OverlayLab.make(parseLab(LAB), { name: labName('o') });
  t.teardown(() => overlay.close());
  const client = overlay.client();
  const port = `packet:${UNDERLAY_INTERFACE}`;
  // The star is TCP: a frame that was an acknowledgement would be acknowledged in turn.
  await client.apply({
    kind: 'target',
    topology: overlay.topology({ ports: [{ network: 'lab', host: 'a', port, role: 'lan' }] }),
  });
  await overlay.whole();
  const taken = async () => {
    const found = (await overlay.client('a').local()).ports.find((each) => each.port === port);
    return found?.inFrames ?? Number.NaN;
  };
  const during = async (act: () => Promise<unknown>) => {
    const before = await taken();
    await act();
    return (await taken()) - before;
  };

  await t.test('idle links do not feed themselves', async (t) => {
    const frames = await during(() => sleep(LOOK_MS));
    t.comment(`${frames} frames in ${LOOK_MS} ms`);
    t.ok(frames < IDLE_FRAMES_MAX, `${frames} frames`);
  });

  await t.test('nor does the traffic of VMs over them', async (t) => {
    await reaches(overlay, 'a1', '10.9.0.21');
    const frames = await during(async () =>
      t.equal((await pings(overlay, 'a1', '10.9.0.21', 10)).received, 10),
    );
    t.comment(`${frames} frames`);
    t.ok(frames < IDLE_FRAMES_MAX, `${frames} frames`);
  });

  await t.test('what is not the daemons’ own is a frame like any other', async (t) => {
    const home = overlay.lab.host('home');
    const frames = await during(async () => {
      const { code, stderr } = await home.run([
        process.execPath,
        '-e',
        SENDER,
        overlay.lab.host('a').address,
      ]);
      t.equal(code, 0, stderr);
    });
    t.ok(frames >= DATAGRAMS, `${frames} frames`);
  });
});
