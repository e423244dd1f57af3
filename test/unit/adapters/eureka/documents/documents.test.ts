import { promisify } from 'node:util';
import { crc32, deflateRaw, gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Applications } from '../../../../../adapters/eureka/documents/applications.ts';
import { CHUNK_BYTES, Chunks } from '../../../../../adapters/eureka/documents/chunks.ts';
import { combineCrc, crcShift } from '../../../../../adapters/eureka/documents/crc-combine.ts';
import { CONTINUED_DEFLATE, type Deflate } from '../../../../../adapters/eureka/documents/deflated.ts';
import { EncodedDocument } from '../../../../../adapters/eureka/documents/document.ts';
import { Piece } from '../../../../../adapters/eureka/documents/piece.ts';
import { type Part, RUN_PARTS, Run, toRuns } from '../../../../../adapters/eureka/documents/run.ts';
import type { Form } from '../../../../../adapters/eureka/negotiation.ts';
import { instanceOf, seededRandom } from '../fixtures.ts';

const compress = promisify(deflateRaw);
const FORMS: readonly Form[] = ['json', 'json-compact', 'xml', 'xml-compact'];

/** Compresses and remembers how many bytes it was given. */
function countingDeflate(): { readonly deflate: Deflate; readonly bytes: () => number; readonly runs: () => number } {
  let bytes = 0;
  let runs = 0;
  const deflate: Deflate = async (body) => {
    bytes += body.length;
    runs += 1;
    return compress(body, CONTINUED_DEFLATE);
  };
  return { deflate, bytes: () => bytes, runs: () => runs };
}

/** What a reader of the compressed document gets. */
async function unzipped(document: EncodedDocument, deflate: Deflate): Promise<Buffer> {
  return gunzipSync(Buffer.concat(await document.gzip(deflate)));
}

/** A document that says these parts and nothing around them. */
function documentOf(parts: readonly Part[]): EncodedDocument {
  return new EncodedDocument('json', { head: Buffer.alloc(0), runs: toRuns(parts), tail: Buffer.alloc(0) });
}

describe('the CRC of joined bytes', () => {
  it('is that of the bytes in one', () => {
    const random = seededRandom(1);
    for (let round = 0; round < 200; round += 1) {
      const first = Buffer.from(Array.from({ length: Math.floor(random() * 300) }, () => Math.floor(random() * 256)));
      const second = Buffer.from(Array.from({ length: Math.floor(random() * 300) }, () => Math.floor(random() * 256)));
      expect(combineCrc(crc32(first), crc32(second), crcShift(second.length))).toBe(crc32(Buffer.concat([first, second])));
    }
  });

  it('holds for long runs', () => {
    const long = Buffer.alloc(5_000_003, 'isthmus');
    expect(combineCrc(crc32('x'), crc32(long), crcShift(long.length))).toBe(crc32(Buffer.concat([Buffer.from('x'), long])));
  });
});

describe('a document of pieces', () => {
  it.each([
    ['nothing', []],
    ['bytes alone', [Buffer.from('abc')]],
    ['a piece alone', [new Piece(() => Buffer.alloc(100_000, 'ab'))]],
    ['both', [Buffer.from('['), new Piece(() => Buffer.from('1')), Buffer.from(','), new Piece(() => Buffer.from('2')), Buffer.from(']')]],
    ['an empty piece', [Buffer.from('['), new Piece(() => Buffer.alloc(0)), Buffer.from(']')]],
    ['more bytes than a stored block holds', [Buffer.alloc(200_000, 'x')]],
  ])('is one gzip member of what it says: %s', async (_name, parts) => {
    const document = documentOf(parts);
    expect((await unzipped(document, countingDeflate().deflate)).equals(document.body)).toBe(true);
  });

  it('is compressed once for all readers', async () => {
    const counting = countingDeflate();
    const document = documentOf([new Piece(() => Buffer.from('a')), new Piece(() => Buffer.from('b'))]);
    const all = await Promise.all([document.gzip(counting.deflate), document.gzip(counting.deflate)]);
    expect(all[0]).toBe(all[1]);
    expect(counting.runs()).toBe(2);
  });
});

describe('runs of parts', () => {
  const pieces = (count: number): Part[] => Array.from({ length: count }, (_, index) => new Piece(() => Buffer.from(`piece ${index}`)));

  it('are taken again as they were, but for the one with a part that changed', () => {
    const parts = pieces(3 * RUN_PARTS + 1);
    const before = toRuns(parts);
    expect(before.length).toBe(4);
    const changed = parts.with(RUN_PARTS + 3, new Piece(() => Buffer.from('changed')));
    const after = toRuns(changed, before);
    expect(after.map((run, index) => run === before[index])).toEqual([true, false, true, true]);
    expect(documentOf(changed).body.equals(Buffer.concat(after.flatMap((run) => run.bodies())))).toBe(true);
  });

  it('are none of those before when parts were added in front or taken away', () => {
    const parts = pieces(2 * RUN_PARTS);
    const before = toRuns(parts);
    expect(toRuns([Buffer.from('first'), ...parts], before).some((run) => before.includes(run))).toBe(false);
    expect(toRuns(parts.slice(0, -1), before).map((run) => before.includes(run))).toEqual([true, false]);
    expect(toRuns([], before)).toEqual([]);
  });

  it('are joined once for all documents that share them', async () => {
    const run = new Run(pieces(5));
    const counting = countingDeflate();
    const [first, second] = [await run.deflated(counting.deflate), run.deflated(counting.deflate)];
    expect(second).toBe(first);
    expect(counting.runs()).toBe(5);
  });
});

describe('members in chunks', () => {
  it('stay where they are while they fit, and no chunk is much too large or left empty', () => {
    const random = seededRandom(7);
    const chunks = new Chunks<string>();
    const truth = new Map<string, string>();
    for (let step = 0; step < 5_000; step += 1) {
      const key = `k${Math.floor(random() * 400)}`;
      if (random() < 0.4) {
        chunks.delete(key);
        truth.delete(key);
      } else {
        chunks.put(key, `v${step}`, 500 + Math.floor(random() * 3_000));
        truth.set(key, `v${step}`);
      }
    }
    const held = [...chunks.chunks()].flatMap((chunk) => [...chunk.members]);
    expect(new Map(held)).toEqual(truth);
    expect(held.length).toBe(truth.size);
    for (const chunk of chunks.chunks()) {
      expect(chunk.members.size).toBeGreaterThan(0);
      expect(chunk.weight).toBeLessThanOrEqual(2 * CHUNK_BYTES);
    }
    for (const key of truth.keys()) chunks.delete(key);
    expect([...chunks.chunks()]).toEqual([]);
    expect([chunks.size, chunks.weight]).toEqual([0, 0]);
  });

  it('takes what is heavier than a chunk alone', () => {
    const chunks = new Chunks<string>();
    chunks.put('huge', 'x', 10 * CHUNK_BYTES);
    chunks.put('small', 'y', 10);
    expect([...chunks.chunks()].length).toBe(2);
  });
});

describe('the document of many applications', () => {
  /** 40 small applications, and one with 600 instances. */
  function estate(): Applications {
    const applications = new Applications();
    for (let app = 0; app < 40; app += 1) for (let id = 0; id < 5; id += 1) put(applications, `SMALL-${app}`, `i${id}`);
    for (let id = 0; id < 600; id += 1) put(applications, 'LARGE', `l${id}`);
    return applications;
  }

  function put(applications: Applications, app: string, id: string, changes = {}): void {
    applications.put(app, id, instanceOf(app, id, changes));
  }

  function idsOf(document: EncodedDocument): readonly string[] {
    const text = document.body.toString();
    if (document.form === 'json' || document.form === 'json-compact') {
      const { applications } = JSON.parse(text) as {
        applications: { application: { name: string; instance: { instanceId: string }[] }[] };
      };
      expect(new Set(applications.application.map(({ name }) => name)).size).toBe(applications.application.length);
      return applications.application.flatMap(({ name, instance }) => instance.map(({ instanceId }) => `${name}/${instanceId}`)).sort();
    }
    const found: string[] = [];
    for (const [, name = '', body = ''] of text.matchAll(/<application><name>([^<]*)<\/name>(.*?)<\/application>/g))
      for (const [, id] of body.matchAll(/<instanceId>([^<]*)<\/instanceId>/g)) found.push(`${name}/${id}`);
    return found.sort();
  }

  it('has every instance once, in every form, compressed or not', async () => {
    const applications = estate();
    const expected = idsOf(applications.document('json', '1', ''));
    expect(expected.length).toBe(800);
    for (const form of FORMS) {
      const document = applications.document(form, '1', 'UP_800_');
      expect(idsOf(document)).toEqual(expected);
      expect((await unzipped(document, countingDeflate().deflate)).equals(document.body)).toBe(true);
      expect(document.body.toString()).toContain('UP_800_');
    }
  });

  it.each([
    ['a small application', 'SMALL-3', 'i1'],
    ['a large one', 'LARGE', 'l300'],
  ])('encodes and compresses one chunk after a change in %s', async (_name, app, id) => {
    const applications = estate();
    const first = countingDeflate();
    await applications.document('json', '1', '').gzip(first.deflate);
    expect(first.bytes()).toBeGreaterThan(400_000);
    put(applications, app, id, { hostName: 'elsewhere' });
    const second = countingDeflate();
    const document = applications.document('json', '1', '');
    expect((await unzipped(document, second.deflate)).toString()).toContain('elsewhere');
    expect(second.runs()).toBe(1);
    expect(second.bytes()).toBeLessThan(2 * CHUNK_BYTES);
  });

  it('shares the buffers of all runs but one with the document before, with large applications as with small ones', async () => {
    const applications = new Applications();
    for (let app = 0; app < 1_600; app += 1) put(applications, `SMALL-${app}`, 'i0');
    for (let app = 0; app < 12; app += 1) for (let id = 0; id < 100; id += 1) put(applications, `LARGE-${app}`, `l${id}`);
    const { deflate } = countingDeflate();
    for (const form of FORMS) {
      const before = await applications.document(form, '1', '').gzip(deflate);
      put(applications, 'LARGE-3', 'l50', { hostName: `elsewhere-${form}` });
      const after = await applications.document(form, '2', '').gzip(deflate);
      expect(after.length).toBe(before.length);
      const large = (buffers: readonly Buffer[]) => buffers.filter(({ length }) => length > 1_000);
      expect(large(after).length).toBeGreaterThan(2);
      expect(large(after).filter((buffer) => !before.includes(buffer)).length).toBe(1);
    }
  });

  it('stays what it was when the applications change before it is read', async () => {
    const applications = estate();
    const before = applications.document('json', '1', '');
    const expected = idsOf(estate().document('json', '1', ''));
    put(applications, 'SMALL-0', 'new');
    put(applications, 'LARGE', 'new');
    applications.delete('SMALL-1', 'i0');
    applications.delete('LARGE', 'l5');
    expect(idsOf(before)).toEqual(expected);
    expect((await unzipped(before, countingDeflate().deflate)).equals(before.body)).toBe(true);
  });

  it('follows any history of changes', async () => {
    const random = seededRandom(11);
    const applications = new Applications();
    const truth = new Set<string>();
    for (let step = 0; step < 3_000; step += 1) {
      const app = `A${Math.floor(random() * random() * 30)}`;
      const id = `i${Math.floor(random() * 200)}`;
      if (random() < 0.3) {
        applications.delete(app, id);
        truth.delete(`${app}/${id}`);
      } else {
        put(applications, app, id);
        truth.add(`${app}/${id}`);
      }
      if (step % 500 !== 499) continue;
      const document = applications.document('json', String(step), '');
      expect(idsOf(document)).toEqual([...truth].sort());
      expect((await unzipped(document, countingDeflate().deflate)).equals(document.body)).toBe(true);
    }
    for (const key of truth) applications.delete(...(key.split('/') as [string, string]));
    expect(applications.document('json', '1', '').body.toString()).toBe(
      '{"applications":{"versions__delta":"1","apps__hashcode":"","application":[]}}',
    );
  });

  it('lists deletions last, however many there are', () => {
    const applications = new Applications();
    for (let id = 0; id < 500; id += 1) applications.put('A', `gone${id}`, instanceOf('A', `gone${id}`, { actionType: 'DELETED' }), true);
    put(applications, 'A', 'new');
    applications.put('A', 'gone7', instanceOf('A', 'gone7'));
    const { applications: parsed } = JSON.parse(applications.document('json', '1', '').body.toString()) as {
      applications: { application: { instance: { instanceId: string; actionType: string }[] }[] };
    };
    const actions = parsed.application.flatMap(({ instance }) => instance.map(({ actionType }) => actionType));
    expect(actions.length).toBe(501);
    expect(actions.indexOf('DELETED')).toBe(2);
    expect(actions.lastIndexOf('ADDED')).toBe(1);
  });
});
