import type { Bench } from '../support/figures.ts';
import { fanOut } from './fan-out.ts';
import { memory } from './memory.ts';

export const boltBenches: readonly Bench[] = [fanOut, memory];
