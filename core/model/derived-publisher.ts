import type { DataInfoId } from './data-info-id.ts';
import type { Publisher } from './publisher.ts';

/**
 * What readers of one format are shown of a publisher of another: computed by a composer while somebody reads, and gone with its
 * last reader. It is never stored, replicated or composed again; `derived` tells it from a registration wherever both are at hand.
 */
export interface DerivedPublisher {
  readonly derived: true;
  /** The name as its publisher spells it. */
  readonly dataInfoId: DataInfoId;
  /** Unique among what is derived for one public name and format, and different from the registerIds that the format's own publishers have. */
  readonly registerId: string;
  /** The readers' format, in which the payload is. */
  readonly format: string;
  readonly payload: Uint8Array;
  /** The registration that it was made of. */
  readonly source: Publisher;
}
