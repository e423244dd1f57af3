import type { Bench } from '../support/figures.ts';
import { fanOut } from './fan-out.ts';

export const boltBenches: readonly Bench[] = [fanOut];
