import { randomUUID } from 'node:crypto';
import type { Random } from '../seams/random.ts';

/** The operating system's chance. */
export function createNodeRandom(): Random {
  return { next: () => Math.random(), uuid: () => randomUUID() };
}
