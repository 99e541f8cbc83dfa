/** Links and shapes. */
import type { Case } from './case.js';

export const EDGES: Case[] = [
  {
    name: 'a link to oneself, by a third',
    script: `
proxy p
host a
host b
link udp a a
link udp a b by p
`,
    says: `
error[self-link]: a link joins two hosts, and both ends here are "a"
 --> t.vnet:4:12
  |
4 | link udp a a
  |            ^

error[link-maker]: "p" cannot make the link a - b
 --> t.vnet:5:17
  |
5 | link udp a b by p
  |                 ^
  = help: one of its ends makes a link: a or b
`,
  },
  {
    name: 'bad shapes',
    script: `
proxy p
host a
host b
torus a b
hypercube 2 a b p
torus 2x0 a b
hypercube 1x1 a b
ring a b a
`,
    says: `
error[bad-dimensions]: a torus needs its size
 --> t.vnet:4:1
  |
4 | torus a b
  | ^^^^^
  = help: write it as in torus 4x4

error[shape-size]: this hypercube takes 4 hosts, and there are 3
 --> t.vnet:5:1
  |
5 | hypercube 2 a b p
  | ^^^^^^^^^
  = help: name 4 hosts, or change its size

error[bad-dimensions]: "2x0" is no size of a torus
 --> t.vnet:6:7
  |
6 | torus 2x0 a b
  |       ^^^
  = help: write it as in torus 4x4

error[bad-dimensions]: "1x1" is no size of a hypercube
 --> t.vnet:7:11
  |
7 | hypercube 1x1 a b
  |           ^^^
  = help: write it as in hypercube 3

error[shape-host-twice]: "a" stands twice in this ring
 --> t.vnet:8:10
  |
8 | ring a b a
  |          ^
  = help: keep one of them
`,
  },
];
