/** The paper's form. */
import type { Case } from './case.js';

export const PAPER: Case[] = [
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
];
