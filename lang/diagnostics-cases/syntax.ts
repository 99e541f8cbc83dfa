/** Words and sentences that cannot be read. */
import type { Case } from './case.js';

export const SYNTAX: Case[] = [
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
  = help: begin with network, proxy, host, vm, port, link, star, mesh, ring, line, tree, torus, hypercube, route, rule, reserve, keep or include
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
error[syntax]: expected "lan", "vm" or "vms", found "wan"
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
];
