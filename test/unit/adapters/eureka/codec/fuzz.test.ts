import { describe, expect, it } from 'vitest';
import { EurekaRequestError } from '../../../../../adapters/eureka/codec/errors.ts';
import { type InstanceInfo, isTree, readInstanceInfo, type Tree } from '../../../../../adapters/eureka/codec/instance-info.ts';
import { parseJsonBody, toJsonInstance } from '../../../../../adapters/eureka/codec/json.ts';
import { parseXmlBody, toXmlInstance } from '../../../../../adapters/eureka/codec/xml.ts';
import { FULL, LEAST, NOW_MS, readWith, seededRandom } from '../fixtures.ts';

const ROUNDS = 2_000;
const DOCUMENTS: readonly Tree[] = [
  { instance: FULL },
  { instance: LEAST },
  { instance: { ...LEAST, dataCenterInfo: { name: 'Amazon', metadata: { 'instance-id': 'i-1' } }, port: 8080 } },
  { instance: { ...FULL, metadata: { '@class': 'java.util.HashMap', 'k/1': 'v', 中: '<&>' }, overriddenstatus: 'DOWN' } },
];
/** What clients in other languages, or nobody in their right mind, put where something else belongs. */
const ODD: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  -1e308,
  2 ** 53,
  '',
  ' ',
  'x',
  'null',
  '-1',
  'NaN',
  'Infinity',
  '9'.repeat(30),
  'a\u0000b',
  '😀'.repeat(300),
  'y'.repeat(3_000),
  [],
  [null],
  [[[]]],
  {},
  { $: null },
  { '@enabled': 5 },
  { name: 'Amazon' },
  { a: { b: { c: [1, { d: null }] } } },
];

type Random = () => number;

function pick<T>(random: Random, list: readonly T[]): T {
  const found = list[Math.floor(random() * list.length)];
  if (found === undefined && list.length === 0) throw new RangeError('nothing to pick from');
  return found as T;
}

/** Every object of a document with its keys: the places where something can be changed. */
function places(node: unknown): [Record<string, unknown>, string][] {
  if (typeof node !== 'object' || node === null) return [];
  const owner = node as Record<string, unknown>;
  return Object.keys(owner).flatMap((key) => [[owner, key] as [Record<string, unknown>, string], ...places(owner[key])]);
}

/** One to four changes of values, keys or whole branches. */
function mutateTree(random: Random, document: Tree): string {
  const copy = structuredClone(document) as Record<string, unknown>;
  for (let left = 1 + Math.floor(random() * 4); left > 0; left -= 1) {
    const all = places(copy);
    if (all.length === 0) break;
    const [owner, key] = pick(random, all);
    const kind = Math.floor(random() * 5);
    if (kind === 0) delete owner[key];
    else if (kind === 1) owner[key] = structuredClone(pick(random, ODD));
    else if (kind === 2)
      owner[pick(random, ['extra', '', '@class', '$', '__proto', 'name', 'constructor'])] = structuredClone(pick(random, ODD));
    else if (kind === 3) {
      const [other, otherKey] = pick(random, all);
      owner[key] = structuredClone(other[otherKey]);
    } else owner[key.toUpperCase()] = owner[key];
  }
  return JSON.stringify(copy);
}

/** One to four characters removed, doubled, swapped in or cut off. */
function mutateText(random: Random, text: string): string {
  let changed = text;
  for (let left = 1 + Math.floor(random() * 4); left > 0; left -= 1) {
    const at = Math.floor(random() * (changed.length + 1));
    const kind = Math.floor(random() * 4);
    if (kind === 0) changed = changed.slice(0, at) + changed.slice(at + 1);
    else if (kind === 1) changed = changed.slice(0, at) + pick(random, [...'{}[]",:\\u0<>&;/!?-\u0000\ud800\ufeff']) + changed.slice(at);
    else if (kind === 2) changed = changed.slice(0, at) + changed.slice(Math.max(0, at - 1 - Math.floor(random() * 40)));
    else if (random() < 0.2) changed = changed.slice(0, at);
  }
  return changed;
}

/** The instance, or undefined when it was refused with a status for clients. Anything else that is thrown fails the test. */
function readOrRefuse(parse: (body: string) => Tree, body: string): InstanceInfo | undefined {
  try {
    const instance = parse(body)['instance'];
    return isTree(instance) ? readInstanceInfo(instance, NOW_MS) : undefined;
  } catch (caught) {
    if (caught instanceof EurekaRequestError && caught.status === 400) return undefined;
    throw new Error(`not a refusal but ${String(caught)}, for ${body}`, { cause: caught });
  }
}

const KEYS: ReadonlySet<string> = new Set(Object.keys(FULL));

/** What was accepted must never spoil a list for its readers. */
function expectHarmless(info: InstanceInfo): void {
  const written = toJsonInstance(info);
  for (const key of Object.keys(written)) expect(KEYS).toContain(key);
  for (const value of Object.values(written['metadata'] as Tree)) expect(typeof value).toBe('string');
  const reread = readInstanceInfo(parseJsonBody(JSON.stringify(written)), info.lastUpdatedTimestamp);
  expect(reread).toEqual({ ...info, sid: info.sid === 'na' ? undefined : info.sid });
  expect(Object.keys(parseXmlBody(toXmlInstance(info)))).toEqual(['instance']);
}

function run(seed: number, parse: (body: string) => Tree, mutate: (random: Random) => string): { accepted: number; refused: number } {
  const random = seededRandom(seed);
  const outcome = { accepted: 0, refused: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    const info = readOrRefuse(parse, mutate(random));
    if (info === undefined) outcome.refused += 1;
    else {
      outcome.accepted += 1;
      expectHarmless(info);
    }
  }
  return outcome;
}

describe('valid documents with random damage', () => {
  it('give an instance that is harmless or a refusal: 2,000 changes of values and keys in JSON', () => {
    const { accepted, refused } = run(20_260_801, parseJsonBody, (random) => mutateTree(random, pick(random, DOCUMENTS)));
    // Both must happen often, or the mutations prove nothing.
    expect(accepted).toBeGreaterThan(ROUNDS / 4);
    expect(refused).toBeGreaterThan(ROUNDS / 20);
  });

  it('give an instance that is harmless or a refusal: 2,000 changes of characters in JSON', () => {
    const { accepted, refused } = run(20_260_802, parseJsonBody, (random) => mutateText(random, JSON.stringify(pick(random, DOCUMENTS))));
    expect(accepted).toBeGreaterThan(ROUNDS / 20);
    expect(refused).toBeGreaterThan(ROUNDS / 4);
  });

  it('give an instance that is harmless or a refusal: 2,000 changes of characters in XML', () => {
    const documents = DOCUMENTS.map(({ instance }) => toXmlInstance(readWith(instance as Tree)));
    const { accepted, refused } = run(20_260_803, parseXmlBody, (random) => mutateText(random, pick(random, documents)));
    expect(accepted).toBeGreaterThan(ROUNDS / 20);
    expect(refused).toBeGreaterThan(ROUNDS / 4);
  });
});
