import { describe, expect, it } from 'vitest';
import { type Plan, runSeed } from './run-seed.ts';

/** Seeds that once failed, and what each found. docs/simulation.md tells more. */
const REGRESSIONS: readonly (readonly [plan: Plan, seed: number, found: string])[] = [
  ['few', 4, 'newcomers released a name that was held after a restart before its own clients could be back'],
  ['few', 3, 'a follower that joined late knew no tombstones and let a Session copy return after its promotion'],
  ['few', 74, 'two Sessions lifted their stamps to the same number, and one withdrew what the other held'],
  ['few', 19, 'a new incarnation stamped a changed registration with the number of the old one, and it was taken for the same'],
  ['few', 73, 'a delayed registration was stamped anew and took the record from the Session the client was at'],
  ['few', 131, 'a Session brought back an older copy than everybody had seen'],
  ['few', 166, 'a Meta that had just started listed too few Sessions, and a slot served before all were asked'],
  ['few', 216, 'a new leader went on below versions that Sessions had been told of, and they waited for ever'],
  ['few', 316, 'a restarted leader under its old epoch was followed as if it were the former'],
  ['few', 464, 'a withdrawal that only the dead leader knew was undone by its follower'],
  ['few', 797, 'a dead client was brought back by a Session copy after its lease had expired'],
  ['few', 652, 'a registration that had waited overrode what the client said later elsewhere'],
  ['few', 798, 'a promoted follower crashed before its restart cache knew what it leads'],
  ['few', 9704, 'a Session that missed a withdrawal in the log kept its copy, and a new leader took it'],
  ['few', 42117186, 'a Session that had slept gave a new leader a copy whose lease had expired at the former'],
  ['many', 11, 'a node that was started again together with Meta led with empty hands until Meta knew'],
  ['many', 40153, 'a process with all roles died with a withdrawal that it had acknowledged to itself'],
  ['many', 44248129, 'a client that came with a newer list from another Session was not pushed what looked unchanged to its new one'],
  ['many', 1002, 'a Meta that led again in the same term numbered its member lists anew, and old ones stayed in force'],
  ['many', 179901261, 'a leader of before that Meta could not reach led on beside its successor'],
  ['operated', 7710040, 'a follower with a newer record than its leader refused the repair for ever'],
  ['operated', 7, 'a Session that stopped a moment after a client connection broke failed with an internal error'],
  ['operated', 202, 'a leader was lost before it served, and was replaced by a node that had just started beside one that held everything'],
  ['operated', 500000075, 'a leader was started again while Meta could store no table, and served without what its follower held'],
  ['operated', 600001893, 'of two followers the one that had been cut off from the leader was promoted, and did not ask the other'],
  ['few', 800001855, 'a Session that missed a new registration in the log kept its older copy, and a new leader took it'],
  ['operated', 7700261, 'a new leader that a Session kept from serving was lost with what it had taken, before any follower could copy it'],
  ['many', 7700261, 'the same without an operator'],
  ['operated', 1200001054, 'a leader was started again that had never served, and the only copy was of the leader before it'],
  ['many', 1200000227, 'the same without an operator'],
  ['few', 1200001919, 'a registration whose answers were lost came again after its client had withdrawn it by a faster clock'],
  ['few', 1300000408, 'a Session that slept behind a cut link was taken for dead on the word of the only Data node left'],
];

describe('seeds that once failed', () => {
  it.each(REGRESSIONS)('%s, seed %i: %s', async (plan, seed) => {
    expect((await runSeed({ seed, plan })).violations).toEqual([]);
  });
});
