import type { Bench } from '../support/figures.ts';
import { changeDelay } from './change-delay.ts';
import { fanOut } from './fan-out.ts';
import { memory } from './memory.ts';
import { pushCost } from './push-cost.ts';
import { registrations } from './registrations.ts';

export const boltBenches: readonly Bench[] = [fanOut, changeDelay, pushCost, registrations, memory];
