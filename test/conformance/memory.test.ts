import t from 'tap';
import { planeConformance } from './conformance.js';
import { memoryBed } from './memory-bed.js';

await planeConformance(t, 'the memory plane', memoryBed);
