/** A script for each thing that can be wrong with one, and what is said of it. */

/** What the language says, to the letter. The line break after each opening quote is not part of the text. */
export interface Case {
  name: string;
  script: string;
  says: string;
  proxy?: string;
  readInclude?: (path: string) => string;
}

/** What includes find. */
export const FILES: Record<string, string> = { 'self.vnet': 'include "t.vnet"', 'paper.vnet': 'BEGIN END' };
function readInclude(path: string): string {
  const text = FILES[path];
  if (text === undefined) throw new Error('no such file');
  return text;
}

export const CASES: Case[] = [
  {
    name: 'a word that begins no statement',
    script: `
hots a
`,
    says: `
error[unknown-statement]: no statement begins with "hots"
 --> t.vnet:1:1
  |
1 | hots a
  | ^^^^
  = help: did you mean "host"?
`,
  },
  {
    name: 'a word near none',
    script: `
proxy p
host a
host b
%%% !
`,
    says: `
error[unknown-statement]: no statement begins with "%%%"
 --> t.vnet:4:1
  |
4 | %%% !
  | ^^^
  = help: begin with network, proxy, host, vm, port, link, star, mesh, ring, line, tree, torus, hypercube, route, rule or include
`,
  },
  {
    name: 'the end comes too early',
    script: `
proxy p
host a
host b
link udp a
`,
    says: `
error[syntax]: expected the other host's name, found the end of the statement
 --> t.vnet:4:11
  |
4 | link udp a
  |           ^
`,
  },
  {
    name: 'a number of choices',
    script: `
proxy p
host a
host b
port tap:x on a wan
`,
    says: `
error[syntax]: expected "lan" or "vm", found "wan"
 --> t.vnet:4:17
  |
4 | port tap:x on a wan
  |                 ^^^
  = help: did you mean "lan"?
`,
  },
  {
    name: 'a mistyped choice',
    script: `
proxy p
host a
host b
link upd a b
`,
    says: `
error[syntax]: expected "udp" or "tcp", found "upd"
 --> t.vnet:4:6
  |
4 | link upd a b
  |      ^^^
  = help: did you mean "udp"?
`,
  },
  {
    name: 'a mistyped attribute',
    script: `
proxy p
vm x on p mac 02:00:00:00:00:01 prot tap:x
`,
    says: `
error[syntax]: expected the end of the statement, found "prot"
 --> t.vnet:2:33
  |
2 | vm x on p mac 02:00:00:00:00:01 prot tap:x
  |                                 ^^^^
  = help: did you mean "port"?
`,
  },
  {
    name: 'a keyword as a name',
    script: `
host route
vm group on a
`,
    says: `
error[reserved-name]: "route" is a word of the language and cannot be a name
 --> t.vnet:1:6
  |
1 | host route
  |      ^^^^^
  = help: call it "route1", say

error[reserved-name]: "group" is a word of the language and cannot be a name
 --> t.vnet:2:4
  |
2 | vm group on a
  |    ^^^^^
  = help: call it "group1", say
`,
  },
  {
    name: 'an open text',
    script: `
include "x
proxy p user "u
`,
    says: `
error[open-string]: this text is never closed
 --> t.vnet:1:9
  |
1 | include "x
  |         ^^
  = help: end it with " on the same line

error[open-string]: this text is never closed
 --> t.vnet:2:14
  |
2 | proxy p user "u
  |              ^^
  = help: end it with " on the same line
`,
  },
  {
    name: 'one word twice',
    script: `
proxy p at 10.0.0.1 at 10.0.0.2
`,
    says: `
error[said-twice]: "at" is said twice in one statement
 --> t.vnet:1:21
  |
1 | proxy p at 10.0.0.1 at 10.0.0.2
  |                     ^^
  = help: keep one of them
`,
  },
  {
    name: 'an include that cannot be had',
    script: `
include "other.vnet"
`,
    says: `
error[include-missing]: files cannot be included here
 --> t.vnet:1:9
  |
1 | include "other.vnet"
  |         ^^^^^^^^^^^^
  = help: write their statements into this script
`,
  },
  {
    name: 'a bad address',
    script: `
host a at ::1
host b at x/y
host c at 10.0.0.1:70000
`,
    says: `
error[bad-address]: "::1" is not an address
 --> t.vnet:1:11
  |
1 | host a at ::1
  |           ^^^
  = help: an IPv6 address stands in brackets: [::1]

error[bad-address]: "x/y" is not an address
 --> t.vnet:2:11
  |
2 | host b at x/y
  |           ^^^
  = help: write a name or an IP address, then a colon and the port, as in 10.0.0.1:7700

error[bad-address]: "70000" is not a port number
 --> t.vnet:3:11
  |
3 | host c at 10.0.0.1:70000
  |           ^^^^^^^^^^^^^^
  = help: ports go from 1 to 65534: the control channel takes the one after
`,
  },
  {
    name: 'a bad number',
    script: `
network n mtu big
`,
    says: `
error[bad-number]: "big" is not a whole number
 --> t.vnet:1:15
  |
1 | network n mtu big
  |               ^^^
  = help: write it as in 1500
`,
  },
  {
    name: 'a bad size and number',
    script: `
proxy p
vm x on p mac 02:00:00:00:00:01 memory lots cpu 0
`,
    says: `
error[bad-number]: "lots" is not a size
 --> t.vnet:2:40
  |
2 | vm x on p mac 02:00:00:00:00:01 memory lots cpu 0
  |                                        ^^^^
  = help: write it as in 512M or 2G

error[bad-number]: "0" is not a number of CPUs
 --> t.vnet:2:49
  |
2 | vm x on p mac 02:00:00:00:00:01 memory lots cpu 0
  |                                                 ^
  = help: write it as in 2 or 0.5
`,
  },
  {
    name: 'a bad mtu and id',
    script: `
network n mtu 100 id 0
`,
    says: `
error[bad-mtu]: an mtu of 100 octets cannot be carried
 --> t.vnet:1:15
  |
1 | network n mtu 100 id 0
  |               ^^^
  = help: choose one from 576 to 9000

error[bad-network-id]: 0 is not a network's id
 --> t.vnet:1:22
  |
1 | network n mtu 100 id 0
  |                      ^
  = help: ids go from 1 to 4294967295
`,
  },
  {
    name: 'clashing ids',
    script: `
network n id 5
network m id 5
`,
    says: `
error[network-id-clash]: networks "n" and "m" have one id, 5
 --> t.vnet:2:14
  |
2 | network m id 5
  |              ^
  = help: give one of them another: network m id NUMBER; the first one stands at t.vnet:1
`,
  },
  {
    name: 'a bad name',
    script: `
host -x
`,
    says: `
error[bad-name]: "-x" cannot be a name
 --> t.vnet:1:6
  |
1 | host -x
  |      ^^
  = help: names are letters, digits, "_", "." and "-", at most 63, and begin with a letter, a digit or "_"
`,
  },
  {
    name: 'a bad MAC',
    script: `
proxy p
vm x on p mac 02:00:00:00:00
`,
    says: `
error[bad-mac]: "02:00:00:00:00" is not an Ethernet address
 --> t.vnet:2:15
  |
2 | vm x on p mac 02:00:00:00:00
  |               ^^^^^^^^^^^^^^
  = help: write six hexadecimal octets, as in 02:00:00:00:00:01
`,
  },
  {
    name: 'a group address',
    script: `
proxy p
vm x on p mac 01:00:5e:00:00:01
`,
    says: `
error[group-mac]: 01:00:5e:00:00:01 is a group address and cannot be that of VM "x"
 --> t.vnet:2:15
  |
2 | vm x on p mac 01:00:5e:00:00:01
  |               ^^^^^^^^^^^^^^^^^
  = help: make the first octet even: 00:00:5e:00:00:01
`,
  },
  {
    name: 'no address',
    script: `
proxy p
vm x on p
`,
    says: `
error[no-mac]: VM "x" has no address
 --> t.vnet:2:4
  |
2 | vm x on p
  |    ^
  = help: add one, as in mac 02:00:00:00:00:01
`,
  },
  {
    name: 'one address twice',
    script: `
proxy p
vm x on p mac 02:00:00:00:00:01
vm y on p mac 02:00:00:00:00:02,02:00:00:00:00:01
vm z on p mac 02:00:00:00:00:03,2:0:0:0:0:3
`,
    says: `
error[mac-twice]: VMs "x" and "y" have one address, 02:00:00:00:00:01
 --> t.vnet:3:33
  |
3 | vm y on p mac 02:00:00:00:00:02,02:00:00:00:00:01
  |                                 ^^^^^^^^^^^^^^^^^
  = help: give each VM of a network addresses of its own; the first one stands at t.vnet:2

error[mac-twice]: VM "z" has the address 02:00:00:00:00:03 twice
 --> t.vnet:4:33
  |
4 | vm z on p mac 02:00:00:00:00:03,2:0:0:0:0:3
  |                                 ^^^^^^^^^^^
  = help: give each VM of a network addresses of its own; the first one stands at t.vnet:4
`,
  },
  {
    name: 'unknown names',
    script: `
proxy home
vm web on hmoe mac 02:00:00:00:00:01 in lba
route web -> bew via home
link udp home nowhere
`,
    says: `
error[unknown-host]: there is no host "hmoe"
 --> t.vnet:2:11
  |
2 | vm web on hmoe mac 02:00:00:00:00:01 in lba
  |           ^^^^
  = help: did you mean "home"?

error[unknown-network]: there is no network "lba"
 --> t.vnet:2:41
  |
2 | vm web on hmoe mac 02:00:00:00:00:01 in lba
  |                                         ^^^
  = help: declare it: network lba ...

error[unknown-vm]: there is no VM "bew"
 --> t.vnet:3:14
  |
3 | route web -> bew via home
  |              ^^^
  = help: declare it: vm bew ...

error[unknown-host]: there is no host "nowhere"
 --> t.vnet:4:15
  |
4 | link udp home nowhere
  |               ^^^^^^^
  = help: declare it: host nowhere ...
`,
  },
  {
    name: 'duplicates',
    script: `
proxy p
host a
host b
host a
network n
network n
link udp a b
link udp b a
link tcp a b
ring a b p
ring a b p
`,
    says: `
error[duplicate]: host "a" stands twice
 --> t.vnet:4:6
  |
4 | host a
  |      ^
  = help: keep one of them; the first one stands at t.vnet:2

error[duplicate]: network "n" stands twice
 --> t.vnet:6:9
  |
6 | network n
  |         ^
  = help: keep one of them; the first one stands at t.vnet:5

error[duplicate]: link udp b a stands twice
 --> t.vnet:8:1
  |
8 | link udp b a
  | ^^^^
  = help: keep one of them; the first one stands at t.vnet:7

error[duplicate]: this ring stands twice
  --> t.vnet:11:1
   |
11 | ring a b p
   | ^^^^
   = help: keep one of them; the first one stands at t.vnet:10
`,
  },
  {
    name: 'a VM twice',
    script: `
proxy p
vm x on p mac 02:00:00:00:00:01
vm x on p mac 02:00:00:00:00:02
`,
    says: `
error[duplicate]: VM "x" stands twice
 --> t.vnet:3:4
  |
3 | vm x on p mac 02:00:00:00:00:02
  |    ^
  = help: keep one of them; the first one stands at t.vnet:2
`,
  },
  {
    name: 'two Proxies',
    script: `
proxy p
proxy q
`,
    says: `
error[two-proxies]: "q" cannot be the Proxy: "p" is
 --> t.vnet:2:7
  |
2 | proxy q
  |       ^
  = help: make it a host; the first one stands at t.vnet:1
`,
  },
  {
    name: 'no Proxy',
    script: `
host a
host b
star a b
`,
    says: `
error[no-proxy]: no host is the Proxy, and without one nothing reaches anything
 --> t.vnet:3:1
  |
3 | star a b
  | ^^^^
  = help: write "proxy NAME at ADDRESS:PORT" for the host on your own network
`,
  },
  {
    name: 'bad ports',
    script: `
proxy p
host a
host b
port eth0 on a lan
port tap: on a vm
port tap:a-name-too-long-for-linux on a vm
`,
    says: `
error[bad-port]: "eth0" is not a port
 --> t.vnet:4:6
  |
4 | port eth0 on a lan
  |      ^^^^
  = help: write a kind and a name, as in tap:web0; the kinds are tap:, bridge:, packet: or unix:

error[bad-port]: "tap:" is not a port
 --> t.vnet:5:6
  |
5 | port tap: on a vm
  |      ^^^^
  = help: write a kind and a name, as in tap:web0; the kinds are tap:, bridge:, packet: or unix:

error[bad-port]: the name in "tap:a-name-too-long-for-linux" is too long
 --> t.vnet:6:6
  |
6 | port tap:a-name-too-long-for-linux on a vm
  |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = help: the system takes 15 octets
`,
  },
  {
    name: 'a port twice',
    script: `
proxy p
host a
host b
port tap:x on a vm
vm v on a mac 02:00:00:00:00:01 port tap:x
`,
    says: `
error[port-twice]: port "tap:x" is used twice on "a"
 --> t.vnet:5:38
  |
5 | vm v on a mac 02:00:00:00:00:01 port tap:x
  |                                      ^^^^^
  = help: several VMs share a bridge by leaving their port out and one "port bridge:... on ... vm"; the first one stands at t.vnet:4
`,
  },
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
    name: "the order of the paper's form",
    script: `
BEGIN
LINK TCP p p p
ADD
HOST u AT p 1 e
BEGIN
END
ADD
`,
    says: `
error[paper-order]: LINK stands after ADD or DELETE
 --> t.vnet:2:1
  |
2 | LINK TCP p p p
  | ^^^^
  = help: write ADD before it

error[paper-order]: a HOST stands before the first ADD or DELETE
 --> t.vnet:4:1
  |
4 | HOST u AT p 1 e
  | ^^^^
  = help: move it up

error[paper-order]: BEGIN stands once, at the top
 --> t.vnet:5:1
  |
5 | BEGIN
  | ^^^^^

error[paper-order]: nothing may follow END
 --> t.vnet:7:1
  |
7 | ADD
  | ^^^
  = help: move it before END
`,
  },
  {
    name: 'no END',
    script: `
BEGIN
HOST u AT p 1 e
HOST u AT q 1 e
ADD
`,
    says: `
error[paper-order]: the script has no END
 --> t.vnet:4:1
  |
4 | ADD
  | ^^^
  = help: write END as its last word
`,
  },
  {
    name: "hosts of the paper's form",
    script: `
BEGIN
HOST u AT p 0 e
HOST v AT q 1 e
HOST u AT q 1 f
HOST u AT link 1 e
END
`,
    says: `
error[bad-address]: "0" is not a port number
 --> t.vnet:2:13
  |
2 | HOST u AT p 0 e
  |             ^
  = help: ports go from 1 to 65534: the control channel takes the one after

error[duplicate]: host "q" stands twice with different users or ports
 --> t.vnet:4:11
  |
4 | HOST u AT q 1 f
  |           ^
  = help: a machine with several interfaces repeats its line with only the interface changed

error[reserved-name]: "link" is a word of the language and cannot be a name
 --> t.vnet:5:11
  |
5 | HOST u AT link 1 e
  |           ^^^^
  = help: call it "link1", say
`,
  },
  {
    name: "links and rules of the paper's form",
    script: `
BEGIN
HOST u AT p 1 e
HOST u AT q 1 e
HOST u AT r 1 e
ADD
LINK TCP r p q
FORWARD EDGE p ANY NONE q r
FORWARD EDGE q ANY 01:02 q p
FORWARD INTERFACE q
DELETE LINK UDP s s p
END
`,
    says: `
error[link-maker]: "r" cannot make the link p - q
 --> t.vnet:6:10
  |
6 | LINK TCP r p q
  |          ^
  = help: one of its ends makes a link: p or q

error[edge-elsewhere]: a rule on "p" cannot send over the edge q - r
 --> t.vnet:7:25
  |
7 | FORWARD EDGE p ANY NONE q r
  |                         ^
  = help: one end of the edge is p itself

error[bad-mac]: "01:02" is not an Ethernet address
 --> t.vnet:8:20
  |
8 | FORWARD EDGE q ANY 01:02 q p
  |                    ^^^^^
  = help: write six hexadecimal octets, as in 02:00:00:00:00:01

error[syntax]: expected "ANY", "NOT" or an Ethernet address, found the end of the statement
 --> t.vnet:9:20
  |
9 | FORWARD INTERFACE q
  |                    ^

error[unknown-host]: there is no host "s"
  --> t.vnet:10:19
   |
10 | DELETE LINK UDP s s p
   |                   ^
   = help: declare it: HOST user AT s port interface
`,
  },
  {
    name: "edges and interfaces of the paper's form",
    script: `
BEGIN
HOST u AT p 1 e
HOST u AT q 1 e
HOST u AT r 1 eth0
ADD
FORWARD EDGE q ANY NONE q r
FORWARD INTERFACE q ANY ANY f
FORWARD INTERFACE r ANY ANY eht0
END
`,
    says: `
error[no-edge]: no link joins "q" and "r"
 --> t.vnet:6:27
  |
6 | FORWARD EDGE q ANY NONE q r
  |                           ^
  = help: add one: LINK UDP q q r

error[unknown-port]: there is no port "packet:f" on "q"
 --> t.vnet:7:29
  |
7 | FORWARD INTERFACE q ANY ANY f
  |                             ^
  = help: did you mean "packet:e"?

error[unknown-port]: there is no port "packet:eht0" on "r"
 --> t.vnet:8:29
  |
8 | FORWARD INTERFACE r ANY ANY eht0
  |                             ^^^^
  = help: did you mean "packet:eth0"?
`,
  },
  {
    name: 'matchers that are none',
    script: `
proxy p
host a
host b
rule on a from , to x via drop
rule on a from any to via drop
`,
    says: `
error[syntax]: expected "any", "not", an Ethernet address or a VM, found ","
 --> t.vnet:4:16
  |
4 | rule on a from , to x via drop
  |                ^

error[syntax]: expected "any", "none", "group", "not", an Ethernet address or a VM, found "via"
 --> t.vnet:5:23
  |
5 | rule on a from any to via drop
  |                       ^^^
`,
  },
  {
    name: 'includes',
    readInclude,
    script: `
proxy p
host a
host b
include "self.vnet"
include "gone.vnet"
include "paper.vnet"
`,
    says: `
error[include-cycle]: "t.vnet" includes itself, here or by way of others
 --> self.vnet:1:9
  |
1 | include "t.vnet"
  |         ^^^^^^^^
  = help: take one of the includes out

error[include-missing]: cannot read "gone.vnet": no such file
 --> t.vnet:5:9
  |
5 | include "gone.vnet"
  |         ^^^^^^^^^^^
  = help: write the path from the folder of this file

error[include-paper]: "paper.vnet" is written in the paper's form (BEGIN ... END) and cannot be included
 --> t.vnet:6:9
  |
6 | include "paper.vnet"
  |         ^^^^^^^^^^^^
  = help: apply it as a script of its own
`,
  },
  {
    name: 'no such Proxy',
    proxy: 'x',
    script: `
BEGIN END
`,
    says: `
error[unknown-host]: there is no host "x"
 --> t.vnet
  = help: declare it: HOST user AT x port interface
`,
  },
];
