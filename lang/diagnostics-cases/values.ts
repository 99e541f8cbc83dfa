/** Numbers, sizes and addresses that cannot be. */
import type { Case } from './case.js';

export const VALUES: Case[] = [
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
];
