import { RegistryError, RegistryErrorCode } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Fence, StoreWrite } from '../seams/store.ts';

/** @throws RegistryError `limit-exceeded` before anything is written. */
export function assertValueSizes(writes: readonly StoreWrite[]): void {
  for (const write of writes) {
    if (write.kind === 'put' && write.value.length > LIMITS.documentBytes) {
      throw new RegistryError(
        RegistryErrorCode.LimitExceeded,
        `the value of ${write.key} has ${write.value.length} bytes, ${LIMITS.documentBytes} are allowed`,
      );
    }
  }
}

/** @throws RegistryError `not-leader` when the fence is of another term than the present one. */
export function assertTerm(fence: Fence | undefined, present: number): void {
  if (fence === undefined || fence.term === present) return;
  throw new RegistryError(RegistryErrorCode.NotLeader, `term ${fence.term} of ${fence.name} is over`);
}
