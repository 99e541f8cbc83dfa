/** Names that nobody has, that two have, and the Proxy's. */
import type { Case } from './case.js';

export const NAMES: Case[] = [
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
