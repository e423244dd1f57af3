import type { FoldedId } from '../model/data-info-id.ts';
import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { crc32cOfText } from './crc32c.ts';

/** Slot counts a cluster may be created with. A power of two, because the hash is masked. */
export const SLOT_COUNTS: readonly number[] = [256, 1024, 4096];

/** The slot of a name. Hashing the folded name brings all spellings of a public name to one slot leader. */
export function slotOf(foldedId: FoldedId, slotCount: number): number {
  return crc32cOfText(foldedId) & (slotCount - 1);
}

/** @throws RegistryError `invalid-argument` for a count that is no power of two from 1 to 4096. */
export function assertSlotCount(slotCount: number): void {
  const isPowerOfTwo = Number.isInteger(slotCount) && slotCount > 0 && (slotCount & (slotCount - 1)) === 0;
  if (!isPowerOfTwo || slotCount > 4_096) {
    throw new RegistryError(RegistryErrorCode.InvalidArgument, `the slot count must be a power of two up to 4096, not ${slotCount}`);
  }
}
