import type { DatumGroup } from '../model/datum.ts';
import type { Publisher } from '../model/publisher.ts';
import { compareRegisterVersion } from '../model/register-version.ts';
import { StoredPublisher } from '../model/stored-publisher.ts';

/**
 * A group as it was fetched, with the publishers of the one before wherever they are the same registrations: what was read and composed of
 * a publisher is remembered by its object. New ones are stored apart from the message that brought them.
 */
export function keepPublishers(fetched: DatumGroup, before: DatumGroup): DatumGroup {
  const known = new Map<string, ReadonlyMap<string, Publisher>>();
  for (const { dataInfoId, publishers } of before.datums)
    known.set(dataInfoId, new Map(publishers.map((publisher) => [publisher.registerId, publisher])));
  const datums = fetched.datums.map((datum) => {
    const earlier = known.get(datum.dataInfoId);
    const keep = (publisher: Publisher) => {
      const kept = earlier?.get(publisher.registerId);
      return kept !== undefined && isSameRegistration(kept, publisher) ? kept : StoredPublisher.of(publisher);
    };
    return { ...datum, publishers: datum.publishers.map(keep) };
  });
  return { ...fetched, datums };
}

/** One Session process gives each stamp once. */
function isSameRegistration(a: Publisher, b: Publisher): boolean {
  return a.owner === b.owner && compareRegisterVersion(a.registerVersion, b.registerVersion) === 0;
}
