import type { Bench } from '../support/figures.ts';
import { restart } from './restart.ts';
import { size } from './size.ts';
import { idle, scaleOut } from './traffic.ts';

export const clusterBenches: readonly Bench[] = [size, restart, idle, scaleOut];
