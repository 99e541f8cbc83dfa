/** What is allowed and yet seldom meant. */
import type { Case } from './case.js';

export const WARNINGS: Case[] = [
  {
    name: 'two LANs in one network',
    script: `
proxy p lan bridge:br0
host a
host b
port bridge:br0 on a lan
port bridge:br1 on b lan
`,
    says: `
warning[two-lans]: network "default" joins two LANs: bridge:br0 on p and bridge:br0 on a
 --> t.vnet:4:6
  |
4 | port bridge:br0 on a lan
  |      ^^^^^^^^^^
  = help: frames would go round for ever if anything else joins the two: make sure that nothing does; the first one stands at t.vnet:1
`,
  },
  {
    name: 'a LAN for each of two networks',
    script: `
network one
network two
proxy p lan bridge:br0
port bridge:br1 on p lan in two
`,
    says: `
`,
  },
  {
    name: "interfaces of the paper's form",
    script: `
BEGIN
HOST u AT p 7700 eth0
HOST u AT a 7700 eth0
END
`,
    says: `
`,
  },
  {
    name: 'a link that nobody dials',
    script: `
proxy p
host a
host b
link udp a b
`,
    says: `
warning[link-undialled]: nobody can dial this link: neither "a" nor "b" has an address
 --> t.vnet:4:1
  |
4 | link udp a b
  | ^^^^
  = help: say where one of them is reached: host a at ADDRESS:PORT; until then its traffic goes by the star
`,
  },
  {
    name: 'rules that decide nothing',
    script: `
proxy p
vm x on p mac 02:00:00:00:00:01
vm y on p mac 02:00:00:00:00:02
rule on p from any to any via drop
rule on p from x to none via drop
rule on p from y to any via drop
rule on p from y to x via drop
rule on p from not y to x via drop
rule on p from any to x via drop
`,
    says: `
warning[rule-covered]: this rule on "p" decides nothing: "from any to any" is stronger and matches all that it matches
 --> t.vnet:5:1
  |
5 | rule on p from x to none via drop
  | ^^^^
  = help: take it out, or make it more exact

warning[rule-covered]: this rule on "p" decides nothing: "from not 02:00:00:00:00:02 to 02:00:00:00:00:01" and "from 02:00:00:00:00:02 to 02:00:00:00:00:01" are stronger and match all that it matches
 --> t.vnet:9:1
  |
9 | rule on p from any to x via drop
  | ^^^^
  = help: take it out, or make it more exact
`,
  },
  {
    name: 'rules that decide something yet',
    script: `
proxy p lan packet:eth1
host a at 10.0.0.1:7700
vm x on a mac 02:00:00:00:00:01
rule on p from any to any via edge a
rule on p from any to none via port packet:eth1
rule on a from x to any via drop
rule on a from any to none via drop
rule on a from any to group via drop
rule on a from x to group via drop
rule on a from not x to group via drop
`,
    says: `
`,
  },
  {
    name: 'a host that carries nothing',
    script: `
proxy p
host a
host b
vm x on a mac 02:00:00:00:00:01
star tcp
`,
    says: `
warning[idle-host]: host "b" carries nothing: no VM, port, link, route or rule names it
 --> t.vnet:3:6
  |
3 | host b
  |      ^
  = help: fine for a spare that VMs may move to; else put something there, or take it out
`,
  },
  {
    name: 'many hosts that carry nothing',
    script: `
proxy p
vm x on p mac 02:00:00:00:00:01
host a
host b
host c
host d
host e
host f
`,
    says: `
warning[idle-host]: 6 hosts carry nothing: no VM, port, link, route or rule names a, b, c, d, e or the others
 --> t.vnet:3:6
  |
3 | host a
  |      ^
  = help: fine for a spare that VMs may move to; else put something there, or take it out
`,
  },
  {
    name: 'no warnings beside errors',
    script: `
proxy p
host a
host b
link udp a b
link udp a c
`,
    says: `
error[unknown-host]: there is no host "c"
 --> t.vnet:5:12
  |
5 | link udp a c
  |            ^
  = help: declare it: host c ...
`,
  },
];
