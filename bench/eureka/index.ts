import type { Bench } from '../support/figures.ts';
import { changing } from './changing.ts';
import { comparison } from './comparison.ts';
import { encoding } from './encoding.ts';
import { soak } from './soak.ts';

/** The soak takes minutes: `npm run bench -- eureka soak`. */
export const eurekaBenches: readonly Bench[] = [encoding, changing, comparison, soak];
