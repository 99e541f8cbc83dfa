/** Addresses and ports of VMs. */
import type { Case } from './case.js';

export const MACHINES: Case[] = [
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
  = help: write a kind and a name, as in tap:web0; the kinds are tap:, bridge:, packet:, unix: or unix-connect:

error[bad-port]: "tap:" is not a port
 --> t.vnet:5:6
  |
5 | port tap: on a vm
  |      ^^^^
  = help: write a kind and a name, as in tap:web0; the kinds are tap:, bridge:, packet:, unix: or unix-connect:

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
    name: 'how a VM is run',
    script: `
proxy p
host a memory 0
vm v on a mac 02:00:00:00:00:01 run qenu kernel /k
vm w on a mac 02:00:00:00:00:02 run netns
vm x on a mac 02:00:00:00:00:03 disk /d
vm y on a mac 02:00:00:00:00:04 run qemu fast
`,
    says: `
error[bad-number]: "0" is not a size
 --> t.vnet:2:15
  |
2 | host a memory 0
  |               ^
  = help: write it as in 512M or 2G

error[unknown-driver]: no driver is called "qenu"
 --> t.vnet:3:37
  |
3 | vm v on a mac 02:00:00:00:00:01 run qenu kernel /k
  |                                     ^^^^
  = help: did you mean "qemu"?

error[driver-argument]: netns wants a namespace, as \`ip netns\` lists it
 --> t.vnet:4:37
  |
4 | vm w on a mac 02:00:00:00:00:02 run netns
  |                                     ^^^^^
  = help: write it after "run netns"

error[machine-part]: "disk" is a part of a machine that QEMU runs
 --> t.vnet:5:38
  |
5 | vm x on a mac 02:00:00:00:00:03 disk /d
  |                                      ^^
  = help: write "run qemu" before it

error[driver-argument]: qemu takes nothing after its name
 --> t.vnet:6:42
  |
6 | vm y on a mac 02:00:00:00:00:04 run qemu fast
  |                                          ^^^^
  = help: write its parts: kernel, initrd, append, disk, state
`,
  },
  {
    name: 'nothing to boot from',
    script: `
proxy p
host a
vm v on a mac 02:00:00:00:00:01 run qemu append quiet
`,
    says: `
error[nothing-to-boot]: VM "v" has nothing to boot from
 --> t.vnet:3:37
  |
3 | vm v on a mac 02:00:00:00:00:01 run qemu append quiet
  |                                     ^^^^
  = help: name a kernel, a disk or both
`,
  },
];
