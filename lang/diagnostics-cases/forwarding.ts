/** Routes and raw rules. */
import type { Case } from './case.js';

export const FORWARDING: Case[] = [
  {
    name: 'routes',
    script: `
proxy p
host a
host b
host c
vm x on a mac 02:00:00:00:00:01
vm y on b mac 02:00:00:00:00:02
vm z on b mac 02:00:00:00:00:02 in m
network n
network m
route x -> y via b a
route y -> x via b c b a
route x <-> y via a p b
route x -> x via a
route x -> z via a p b
`,
    says: `
error[route-end]: the route begins at "b", but VM "x" is on "a"
  --> t.vnet:10:18
   |
10 | route x -> y via b a
   |                  ^
   = help: via names every host of the path, ends included

error[route-end]: the route ends at "a", but VM "y" is on "b"
  --> t.vnet:10:20
   |
10 | route x -> y via b a
   |                    ^
   = help: via names every host of the path, ends included

error[no-edge]: no link joins "b" and "a"
  --> t.vnet:10:20
   |
10 | route x -> y via b a
   |                    ^
   = help: add one: link udp b a

error[no-edge]: no link joins "b" and "c"
  --> t.vnet:11:20
   |
11 | route y -> x via b c b a
   |                    ^
   = help: add one: link udp b c

error[route-loop]: the route comes to "b" twice
  --> t.vnet:11:22
   |
11 | route y -> x via b c b a
   |                      ^
   = help: a path meets each host once

error[no-edge]: no link joins "b" and "a"
  --> t.vnet:11:24
   |
11 | route y -> x via b c b a
   |                        ^
   = help: add one: link udp b a

error[route-twice]: two routes lead from "x" to "y"
  --> t.vnet:12:1
   |
12 | route x <-> y via a p b
   | ^^^^^
   = help: keep one of them; the first one stands at t.vnet:10

error[route-self]: a route joins two VMs, and both ends here are "x"
  --> t.vnet:13:12
   |
13 | route x -> x via a
   |            ^

error[route-network]: VM "z" is in network "m", the route in "n"
  --> t.vnet:14:12
   |
14 | route x -> z via a p b
   |            ^
   = help: networks never mix: route inside one
`,
  },
  {
    name: 'rules',
    script: `
proxy p
host a
host b
vm x on a mac 02:00:00:00:00:01 port tap:web0
rule on a from any to x via edge b
rule on a from any to x via edge a, port tap:wbe0
rule on b from x to group via port tap:q
rule on b from y to 02:zz via drop
`,
    says: `
error[no-edge]: no link joins "a" and "b"
 --> t.vnet:5:34
  |
5 | rule on a from any to x via edge b
  |                                  ^
  = help: add one: link udp a b

error[equal-rules]: two rules on "a" match the same frames
 --> t.vnet:6:1
  |
6 | rule on a from any to x via edge a, port tap:wbe0
  | ^^^^
  = help: write one rule with all the actions, separated by commas; the first one stands at t.vnet:5

error[self-edge]: a rule on "a" cannot send over an edge to "a" itself
 --> t.vnet:6:34
  |
6 | rule on a from any to x via edge a, port tap:wbe0
  |                                  ^
  = help: name the neighbour at the other end

error[unknown-port]: there is no port "tap:wbe0" on "a"
 --> t.vnet:6:42
  |
6 | rule on a from any to x via edge a, port tap:wbe0
  |                                          ^^^^^^^^
  = help: did you mean "tap:web0"?

error[unknown-port]: there is no port "tap:q" on "b"
 --> t.vnet:7:36
  |
7 | rule on b from x to group via port tap:q
  |                                    ^^^^^
  = help: declare it: port tap:q on b lan

error[unknown-vm]: there is no VM "y"
 --> t.vnet:8:16
  |
8 | rule on b from y to 02:zz via drop
  |                ^
  = help: declare it: vm y ...

error[bad-mac]: "02:zz" is not an Ethernet address
 --> t.vnet:8:21
  |
8 | rule on b from y to 02:zz via drop
  |                     ^^^^^
  = help: write six hexadecimal octets, as in 02:00:00:00:00:01
`,
  },
  {
    name: 'group rules in a cycle',
    script: `
proxy p
host a
host b
mesh a b p
rule on a from any to group via edge b
rule on b from any to group via edge a, edge p
rule on p from any to group via edge a
`,
    says: `
error[group-cycle]: the group rules of network "default" form a cycle, closed by the edge p - a
 --> t.vnet:7:38
  |
7 | rule on p from any to group via edge a
  |                                      ^
  = help: broadcasts would go round: take one of its edges out, so that a tree remains
`,
  },
  {
    name: 'group rules and the star in a cycle',
    script: `
proxy p
host a
host b
link udp a b
vm x on a mac 02:00:00:00:00:01
vm y on b mac 02:00:00:00:00:02
rule on a from any to group via edge b
`,
    says: `
error[group-cycle]: the group rules of network "default" and the star form a cycle, closed by the edge a - b
 --> t.vnet:7:38
  |
7 | rule on a from any to group via edge b
  |                                      ^
  = help: let the rules lead over every edge both ways, in a tree that joins all hosts with ports, or leave groups to the star
`,
  },
  {
    name: "the star's own edge back closes a cycle of an exact group",
    script: `
proxy p
host a
host b
link udp a b
vm x on a mac 02:00:00:00:00:01
rule on a from any to 01:00:5e:00:00:05 via edge b
`,
    says: `
error[group-cycle]: the group rules of network "default" and the star form a cycle, closed by the edge a - b
 --> t.vnet:6:50
  |
6 | rule on a from any to 01:00:5e:00:00:05 via edge b
  |                                                  ^
  = help: let the rules lead over every edge both ways, in a tree that joins all hosts with ports, or leave groups to the star
`,
  },
  {
    name: 'a tree of group rules over every host with ports',
    script: `
proxy p
host a at 10.0.0.1:7700
host b
link udp a b
vm x on a mac 02:00:00:00:00:01
vm y on b mac 02:00:00:00:00:02
rule on a from any to group via edge b
rule on b from any to group via edge a
`,
    says: `
`,
  },
];
