/** Files that include files. */
import { type Case, readInclude } from './case.js';

export const INCLUDES: Case[] = [
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
];
