/** Reservations, and where VMs may be placed. */
import type { Case } from './case.js';

export const PROMISES: Case[] = [
  {
    name: 'reservations of links',
    script: `
proxy p
host a
host b
link udp a b
reserve udp a -> c 10M
reserve udp a -> a 10M
reserve tcp a -> b 10M
reserve udp p -> a 10M
reserve udp a <-> b 10M
reserve udp b -> a 20M
`,
    says: `
error[unknown-host]: there is no host "c"
 --> t.vnet:5:18
  |
5 | reserve udp a -> c 10M
  |                  ^
  = help: declare it: host c ...

error[self-link]: a link joins two hosts, and both ends here are "a"
 --> t.vnet:6:18
  |
6 | reserve udp a -> a 10M
  |                  ^

error[no-link]: there is no tcp link between "a" and "b" to reserve for
 --> t.vnet:7:1
  |
7 | reserve tcp a -> b 10M
  | ^^^^^^^
  = help: there is a udp link: write "reserve udp", or add "link tcp a b"

error[no-link]: there is no udp link between "p" and "a" to reserve for
 --> t.vnet:8:1
  |
8 | reserve udp p -> a 10M
  | ^^^^^^^
  = help: there is a tcp link: write "reserve tcp", or add "link udp p a"

error[duplicate]: the reservation for udp b -> a stands twice
  --> t.vnet:10:1
   |
10 | reserve udp b -> a 20M
   | ^^^^^^^
   = help: keep one of them; the first one stands at t.vnet:9
`,
  },
  {
    name: 'a link of no type',
    script: `
proxy p
host a
host b
port tap:x on b vm
reserve tcp p -> a 1G
reserve udp a -> b 1G
reserve udp p -> a lots
reserve udp p -> b 5Mbit/s
`,
    says: `
error[no-link]: there is no udp link between "a" and "b" to reserve for
 --> t.vnet:6:1
  |
6 | reserve udp a -> b 1G
  | ^^^^^^^
  = help: add one: link udp a b

error[bad-number]: "lots" is not a rate
 --> t.vnet:7:20
  |
7 | reserve udp p -> a lots
  |                    ^^^^
  = help: write it as in 50M or 1.5G

error[no-link]: there is no udp link between "p" and "b" to reserve for
 --> t.vnet:8:1
  |
8 | reserve udp p -> b 5Mbit/s
  | ^^^^^^^
  = help: there is a tcp link: write "reserve tcp", or add "link udp p b"
`,
  },
  {
    name: 'reservations of CPU',
    script: `
proxy p
host a cpu 2
vm x on a mac 02:00:00:00:00:01
vm y on a mac 02:00:00:00:00:02
vm z on a mac 02:00:00:00:00:03
vm u on a mac 02:00:00:00:00:04
vm v on a mac 02:00:00:00:00:05
reserve cpu w 10ms of 100ms
reserve cpu x 250ms of 100ms
reserve cpu y 10us of 100ms
reserve cpu z 10ms of 2s
reserve cpu u 10.5us of 100ms
reserve cpu v 10 of 100ms
reserve cpu v 200ms of 100ms
reserve cpu v 20ms of 100ms
`,
    says: `
error[unknown-vm]: there is no VM "w"
 --> t.vnet:8:13
  |
8 | reserve cpu w 10ms of 100ms
  |             ^
  = help: declare it: vm w ...

error[bad-slice]: "a" has 2 CPUs, too little for 250ms in every 100ms
 --> t.vnet:9:15
  |
9 | reserve cpu x 250ms of 100ms
  |               ^^^^^
  = help: the slice is at most the period times the CPUs of the host

error[bad-slice]: a slice of 10us is shorter than a kernel hands out
  --> t.vnet:10:15
   |
10 | reserve cpu y 10us of 100ms
   |               ^^^^
   = help: give it 100us or more

error[bad-period]: a period of 2s cannot be kept
  --> t.vnet:11:23
   |
11 | reserve cpu z 10ms of 2s
   |                       ^^
   = help: choose one from 1ms to 1s, as in 20ms of 100ms

error[bad-number]: "10.5us" is not whole microseconds
  --> t.vnet:12:15
   |
12 | reserve cpu u 10.5us of 100ms
   |               ^^^^^^
   = help: write it as in 20ms or 500us

error[bad-number]: "10" is not a time
  --> t.vnet:13:15
   |
13 | reserve cpu v 10 of 100ms
   |               ^^
   = help: write it as in 20ms or 500us

error[duplicate]: the CPU reservation for VM "v" stands twice
  --> t.vnet:15:1
   |
15 | reserve cpu v 20ms of 100ms
   | ^^^^^^^
   = help: keep one of them; the first one stands at t.vnet:14
`,
  },
  {
    name: 'a reservation that breaks off',
    script: `
reserve cpu x 10ms
reserve a -> b 10M
reserve udp a b 10M
reserve udp a - b 10M
`,
    says: `
error[syntax]: expected "of", found the end of the statement
 --> t.vnet:1:19
  |
1 | reserve cpu x 10ms
  |                   ^

error[syntax]: expected "udp", "tcp" or "cpu", found "a"
 --> t.vnet:2:9
  |
2 | reserve a -> b 10M
  |         ^

error[syntax]: expected "->" or "<->", found "b"
 --> t.vnet:3:15
  |
3 | reserve udp a b 10M
  |               ^

error[syntax]: expected "->" or "<->", found "-"
 --> t.vnet:4:15
  |
4 | reserve udp a - b 10M
  |               ^
`,
  },
  {
    name: 'hosts to choose from',
    script: `
proxy p
host a
host b
vm x pinned on a mac 02:00:00:00:00:01 among b
vm y on b mac 02:00:00:00:00:02 among a,c
vm z on a mac 02:00:00:00:00:03 among a,b,a
`,
    says: `
error[outside-among]: VM "x" is pinned on "a", which is not among its hosts
 --> t.vnet:4:46
  |
4 | vm x pinned on a mac 02:00:00:00:00:01 among b
  |                                              ^
  = help: a pinned VM is never moved: leave "among" out

error[outside-among]: VM "y" is on "b", which is not among its hosts
 --> t.vnet:5:39
  |
5 | vm y on b mac 02:00:00:00:00:02 among a,c
  |                                       ^
  = help: add it: among b,..., or start the VM on one of them

error[unknown-host]: there is no host "c"
 --> t.vnet:5:41
  |
5 | vm y on b mac 02:00:00:00:00:02 among a,c
  |                                         ^
  = help: declare it: host c ...

error[duplicate]: host "a" stands twice
 --> t.vnet:6:43
  |
6 | vm z on a mac 02:00:00:00:00:03 among a,b,a
  |                                           ^
  = help: keep one of them
`,
  },
  {
    name: 'statements about placement',
    script: `
proxy p
host a
host b
host c
vm x pinned on a mac 02:00:00:00:00:01
vm y pinned on a mac 02:00:00:00:00:02
vm z on b mac 02:00:00:00:00:03 among b,c
vm u on b mac 02:00:00:00:00:04
keep apart x y
keep together x z
keep together u y
keep apart u z y
keep apart u v
keep apart u u
keep apart p z
keep together u y
keep x <-> y within soon
`,
    says: `
error[keep-contradiction]: VMs "x" and "y" are to be kept apart, and both are pinned on "a"
 --> t.vnet:9:14
  |
9 | keep apart x y
  |              ^
  = help: unpin one of them, or pin it elsewhere

error[keep-contradiction]: no host may run all of x and z, which are to be kept together
  --> t.vnet:10:1
   |
10 | keep together x z
   | ^^^^
   = help: look at where they are pinned, and at their "among"

error[keep-contradiction]: VMs "u" and "y" cannot be kept both apart and together
  --> t.vnet:12:16
   |
12 | keep apart u z y
   |                ^
   = help: take one of the two statements out

error[unknown-vm]: there is no VM "v"
  --> t.vnet:13:14
   |
13 | keep apart u v
   |              ^
   = help: declare it: vm v ...

error[keep-one]: VM "u" stands twice in this statement
  --> t.vnet:14:14
   |
14 | keep apart u u
   |              ^
   = help: name two different VMs or more

error[unknown-vm]: there is no VM "p"
  --> t.vnet:15:12
   |
15 | keep apart p z
   |            ^
   = help: declare it: vm p ...

error[duplicate]: "keep together" for u y stands twice
  --> t.vnet:16:1
   |
16 | keep together u y
   | ^^^^
   = help: keep one of them; the first one stands at t.vnet:11

error[bad-number]: "soon" is not a time
  --> t.vnet:17:21
   |
17 | keep x <-> y within soon
   |                     ^^^^
   = help: write it as in 20ms or 500us
`,
  },
  {
    name: 'too few hosts',
    script: `
proxy p
vm x on p mac 02:00:00:00:00:01
vm y on p mac 02:00:00:00:00:02
keep apart x y
`,
    says: `
error[keep-contradiction]: 2 VMs cannot be kept apart on 1 host
 --> t.vnet:4:1
  |
4 | keep apart x y
  | ^^^^
  = help: add hosts, or keep fewer of them apart
`,
  },
  {
    name: 'latency across networks',
    script: `
network lab
network storage
proxy p
vm x on p mac 02:00:00:00:00:01
vm y on p mac 02:00:00:00:00:01 in storage
keep x <-> y within 5ms
`,
    says: `
error[keep-networks]: VMs "x" and "y" are in different networks and send each other nothing
 --> t.vnet:6:12
  |
6 | keep x <-> y within 5ms
  |            ^
  = help: networks never mix: bound the latency inside one
`,
  },
  {
    name: 'a keep that breaks off',
    script: `
keep apart x
keep x y within 5ms
keep x <-> y
keep near x y
`,
    says: `
error[syntax]: expected another VM's name, found the end of the statement
 --> t.vnet:1:13
  |
1 | keep apart x
  |             ^

error[syntax]: expected "<->", found "y"
 --> t.vnet:2:8
  |
2 | keep x y within 5ms
  |        ^

error[syntax]: expected "within", found the end of the statement
 --> t.vnet:3:13
  |
3 | keep x <-> y
  |             ^

error[syntax]: expected "<->", found "x"
 --> t.vnet:4:11
  |
4 | keep near x y
  |           ^
`,
  },
];
