import { describe, expect, it } from 'vitest';
import { InstanceStatus, type Tree } from '../../../../adapters/eureka/codec/instance-info.ts';
import type { EncodedDocument } from '../../../../adapters/eureka/documents/document.ts';
import type { Form } from '../../../../adapters/eureka/negotiation.ts';
import { RegistryView } from '../../../../adapters/eureka/registry-view.ts';
import { instanceOf, seededRandom } from './fixtures.ts';

const RETENTION_MS = 180_000;
const WALL_MS = 1_700_000_000_000;
const FORMS: readonly Form[] = ['json', 'xml'];

interface Applications {
  readonly versions__delta: string;
  readonly apps__hashcode: string;
  readonly application: readonly { readonly name: string; readonly instance: readonly Tree[] }[];
}

function parse(document: EncodedDocument): Applications {
  return (JSON.parse(document.body.toString()) as { applications: Applications }).applications;
}

/** `APP/id status action` of each instance, in the order of the document. */
function rows(document: EncodedDocument): readonly string[] {
  return parse(document).application.flatMap(({ name, instance }) =>
    instance.map((entry) => `${name}/${String(entry['instanceId'])} ${String(entry['status'])} ${String(entry['actionType'])}`),
  );
}

function viewOf(...ids: readonly string[]): RegistryView {
  const view = new RegistryView(RETENTION_MS);
  for (const id of ids) view.put(instanceOf('A', id), 0, WALL_MS);
  return view;
}

describe('the list of everything', () => {
  it('is complete when it is empty', () => {
    const view = new RegistryView(RETENTION_MS);
    expect(view.full('json').body.toString()).toBe('{"applications":{"versions__delta":"1","apps__hashcode":"","application":[]}}');
    expect(view.full('xml').body.toString()).toBe(
      '<applications><versions__delta>1</versions__delta><apps__hashcode></apps__hashcode></applications>',
    );
  });

  it('has each application once, its instances in the order of arrival, and the hash of all', () => {
    const view = new RegistryView(RETENTION_MS);
    view.put(instanceOf('ZOO', 'z1'), 0, WALL_MS);
    view.put(instanceOf('APE', 'b', { status: 'DOWN' }), 0, WALL_MS);
    view.put(instanceOf('APE', 'a'), 0, WALL_MS);
    expect(rows(view.full('json'))).toEqual(['ZOO/z1 UP ADDED', 'APE/b DOWN ADDED', 'APE/a UP ADDED']);
    expect(parse(view.full('json'))).toMatchObject({ versions__delta: '1', apps__hashcode: 'DOWN_1_UP_2_' });
  });

  it('has the version 1 whatever happened', () => {
    const view = viewOf('a', 'b', 'c');
    expect(parse(view.full('json')).versions__delta).toBe('1');
    expect(view.full('xml').body.toString()).toContain('<versions__delta>1</versions__delta>');
  });

  it('has no application that lost its last instance', () => {
    const view = viewOf('a');
    view.put(instanceOf('B', 'b'), 0, WALL_MS);
    view.remove('A', 'a', 1, WALL_MS);
    expect(parse(view.full('json')).application.map(({ name }) => name)).toEqual(['B']);
    expect(view.application('A', 'json')).toBeUndefined();
    expect(view.instanceCount).toBe(1);
  });

  it('replaces an instance that comes again', () => {
    const view = viewOf('a');
    view.put(instanceOf('A', 'a', { status: 'DOWN', hostName: 'host2' }), 1, WALL_MS);
    expect(rows(view.full('json'))).toEqual(['A/a DOWN ADDED']);
    expect(view.hash()).toBe('DOWN_1_');
    expect(view.instanceCount).toBe(1);
    expect(view.find('A', 'a')?.info.hostName).toBe('host2');
  });

  it('says the same in XML', () => {
    const view = viewOf('a', 'b');
    const xml = view.full('xml').body.toString();
    expect(xml).toContain('<apps__hashcode>UP_2_</apps__hashcode><application><name>A</name><instance><instanceId>a</instanceId>');
    expect(xml.match(/<instance>/g)).toHaveLength(2);
    expect(xml.endsWith('</instance></application></applications>')).toBe(true);
  });
});

describe('the delta', () => {
  it('is empty with the hash of nothing at first', () => {
    expect(parse(new RegistryView(RETENTION_MS).delta('json', 0))).toEqual({ versions__delta: '1', apps__hashcode: '', application: [] });
  });

  const changes: readonly [string, (view: RegistryView) => void, readonly string[], string][] = [
    ['a registration is ADDED', (view) => view.put(instanceOf('A', 'b'), 1, WALL_MS), ['A/b UP ADDED'], 'UP_2_'],
    [
      'a registration that comes again is ADDED',
      (view) => view.put(instanceOf('A', 'a', { hostName: 'host2' }), 1, WALL_MS),
      ['A/a UP ADDED'],
      'UP_1_',
    ],
    [
      'a change of status is MODIFIED',
      (view) => view.put(instanceOf('A', 'a', { status: 'OUT_OF_SERVICE', actionType: 'MODIFIED' }), 1, WALL_MS),
      ['A/a OUT_OF_SERVICE MODIFIED'],
      'OUT_OF_SERVICE_1_',
    ],
    ['a removal is DELETED', (view) => view.remove('A', 'a', 1, WALL_MS), ['A/a UP DELETED'], ''],
    [
      'added and removed is DELETED alone',
      (view) => {
        view.put(instanceOf('A', 'b'), 1, WALL_MS);
        view.remove('A', 'b', 2, WALL_MS);
      },
      ['A/b UP DELETED'],
      'UP_1_',
    ],
    [
      'removed and added again is ADDED alone',
      (view) => {
        view.remove('A', 'a', 1, WALL_MS);
        view.put(instanceOf('A', 'a'), 2, WALL_MS);
      },
      ['A/a UP ADDED'],
      'UP_1_',
    ],
    [
      'added and changed shows the latest state once',
      (view) => {
        view.put(instanceOf('A', 'b'), 1, WALL_MS);
        view.put(instanceOf('A', 'b', { status: 'DOWN', actionType: 'MODIFIED' }), 2, WALL_MS);
      },
      ['A/b DOWN MODIFIED'],
      'DOWN_1_UP_1_',
    ],
    [
      'deletions come last within their application',
      (view) => {
        view.remove('A', 'a', 1, WALL_MS);
        view.put(instanceOf('A', 'b'), 2, WALL_MS);
        view.put(instanceOf('A', 'c', { actionType: 'MODIFIED' }), 3, WALL_MS);
      },
      ['A/b UP ADDED', 'A/c UP MODIFIED', 'A/a UP DELETED'],
      'UP_2_',
    ],
    ['a removal of nothing is no change', (view) => view.remove('A', 'nobody', 1, WALL_MS), [], 'UP_1_'],
    ['a removal from an unknown application is no change', (view) => view.remove('B', 'a', 1, WALL_MS), [], 'UP_1_'],
  ];
  it.each(changes)('%s', (_name, change, expected, hash) => {
    // What was there before is no longer in the window.
    const view = viewOf('a');
    const later = RETENTION_MS + 1;
    view.delta('json', later);
    const shifted = new Proxy(view, {
      get: (target, key: keyof RegistryView) => {
        if (key === 'put')
          return (...[instance, nowMs, wallMs]: Parameters<RegistryView['put']>) => target.put(instance, later + nowMs, wallMs);
        if (key === 'remove')
          return (...[app, id, nowMs, wallMs]: Parameters<RegistryView['remove']>) => target.remove(app, id, later + nowMs, wallMs);
        throw new Error(`${String(key)} is not part of a change`);
      },
    });
    const before = view.revision;
    change(shifted);
    const delta = view.delta('json', later + 10);
    expect(rows(delta)).toEqual(expected);
    expect(parse(delta).apps__hashcode).toBe(hash);
    expect(parse(delta).versions__delta).toBe(String(view.revision));
    expect(view.revision > before).toBe(expected.length > 0);
  });

  it('carries the whole body of a deleted instance, with the time of its end', () => {
    const view = viewOf('a');
    view.remove('A', 'a', 1, WALL_MS + 77);
    const deleted = parse(view.delta('json', 2)).application[0]?.instance[0];
    expect(deleted).toMatchObject({ instanceId: 'a', app: 'A', status: 'UP', hostName: 'host1', actionType: 'DELETED' });
    expect(deleted?.['leaseInfo']).toMatchObject({ evictionTimestamp: WALL_MS + 77 });
    expect(view.delta('xml', 2).body.toString()).toContain(`<evictionTimestamp>${WALL_MS + 77}</evictionTimestamp>`);
    expect(view.delta('xml', 2).body.toString()).toContain('<actionType>DELETED</actionType>');
  });

  it('keeps a change for exactly the retention', () => {
    const view = viewOf();
    view.put(instanceOf('A', 'a'), 1_000, WALL_MS);
    expect(rows(view.delta('json', 1_000 + RETENTION_MS))).toEqual(['A/a UP ADDED']);
    expect(rows(view.delta('json', 1_001 + RETENTION_MS))).toEqual([]);
    expect(rows(view.full('json'))).toEqual(['A/a UP ADDED']);
  });

  it('keeps a change that was touched again from its last touch on', () => {
    const view = viewOf();
    view.put(instanceOf('A', 'a'), 0, WALL_MS);
    view.put(instanceOf('A', 'b'), 10, WALL_MS);
    view.put(instanceOf('A', 'a', { status: 'DOWN' }), 20, WALL_MS);
    expect(rows(view.delta('json', RETENTION_MS + 15))).toEqual(['A/a DOWN ADDED']);
    expect(rows(view.delta('json', RETENTION_MS + 20))).toEqual(['A/a DOWN ADDED']);
    expect(rows(view.delta('json', RETENTION_MS + 21))).toEqual([]);
  });

  it('gets a greater version with each change, and when something leaves it', () => {
    const view = viewOf();
    const versions = [Number(parse(view.delta('json', 0)).versions__delta)];
    const note = (nowMs: number) => versions.push(Number(parse(view.delta('json', nowMs)).versions__delta));
    view.put(instanceOf('A', 'a'), 1, WALL_MS);
    note(1);
    view.put(instanceOf('A', 'a', { metadata: new Map([['k', 'v']]) }), 2, WALL_MS);
    note(2);
    view.remove('A', 'a', 3, WALL_MS);
    note(3);
    note(4 + RETENTION_MS);
    expect(versions[0]).toBeGreaterThan(0);
    for (const [index, version] of versions.entries()) if (index > 0) expect(version).toBeGreaterThan(versions[index - 1] ?? Infinity);
  });

  it('keeps its version while nothing happens', () => {
    const view = viewOf('a');
    const first = parse(view.delta('json', 1)).versions__delta;
    expect(parse(view.delta('json', RETENTION_MS)).versions__delta).toBe(first);
    expect(view.delta('xml', 2).body.toString()).toContain(`<versions__delta>${first}</versions__delta>`);
  });

  it('has the hash of the whole registry, which a client reaches by applying it, after any changes', () => {
    const random = seededRandom(11);
    const statuses = Object.values(InstanceStatus);
    const view = new RegistryView(60);
    /** A client that polls more often than changes are forgotten. */
    const client = new Map<string, string>();
    for (let nowMs = 0; nowMs < 600; nowMs += 1) {
      const app = random() < 0.5 ? 'A' : 'B';
      const id = `i${Math.floor(random() * 6)}`;
      if (random() < 0.35) view.remove(app, id, nowMs, WALL_MS);
      else {
        const status = statuses[Math.floor(random() * statuses.length)] ?? 'UP';
        view.put(instanceOf(app, id, { status, actionType: random() < 0.5 ? 'ADDED' : 'MODIFIED' }), nowMs, WALL_MS);
      }
      if (nowMs % 7 !== 0) continue;
      const delta = view.delta('json', nowMs);
      for (const row of rows(delta)) {
        const [name = '', status = '', action] = row.split(' ');
        if (action === 'DELETED') client.delete(name);
        else client.set(name, status);
      }
      expect(hashOf([...client.values()])).toBe(parse(delta).apps__hashcode);
      expect([...client].map(([name, status]) => `${name} ${status}`).sort()).toEqual(
        rows(view.full('json'))
          .map((row) => row.split(' ').slice(0, 2).join(' '))
          .sort(),
      );
      expect(parse(view.full('json')).apps__hashcode).toBe(parse(delta).apps__hashcode);
    }
    expect(client.size).toBeGreaterThan(0);
  });
});

function hashOf(statuses: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts.keys()]
    .sort()
    .map((status) => `${status}_${counts.get(status)}_`)
    .join('');
}

describe('a document that nothing changed', () => {
  const reads: readonly [string, (view: RegistryView, form: Form) => EncodedDocument | undefined][] = [
    ['everything', (view, form) => view.full(form)],
    ['the delta', (view, form) => view.delta(form, 5)],
    ['an application', (view, form) => view.application('A', form)],
    ['a VIP', (view, form) => view.vip('a', false, form)],
    ['a secure VIP', (view, form) => view.vip('a', true, form)],
  ];
  it.each(reads)('is the same object with the same bytes: %s', (_name, read) => {
    for (const form of FORMS) {
      const view = viewOf('a', 'b');
      const first = read(view, form);
      expect(first).toBeDefined();
      expect(read(view, form)).toBe(first);
      expect(read(view, form)?.buffers).toBe(first?.buffers);
    }
  });

  it.each(reads)('is made anew after a change, and the one handed out stays as it was: %s', (_name, read) => {
    for (const form of FORMS) {
      const view = viewOf('a', 'b');
      const first = read(view, form);
      const bytes = Buffer.from(first?.body ?? '');
      view.put(instanceOf('A', 'c', { secureVipAddress: 'a' }), 1, WALL_MS);
      expect(read(view, form)).not.toBe(first);
      expect(read(view, form)?.body.equals(bytes)).toBe(false);
      expect(first?.body.equals(bytes)).toBe(true);
    }
  });

  it('has one body for each form', () => {
    const view = viewOf('a');
    expect(view.full('json').form).toBe('json');
    expect(view.full('xml').form).toBe('xml');
    expect(view.full('json')).not.toBe(view.full('xml'));
  });

  it('encodes only the instance that changed', () => {
    const view = viewOf('a', 'b');
    view.full('json');
    const kept = view.find('A', 'a')?.encode('json');
    view.put(instanceOf('A', 'b', { status: 'DOWN' }), 1, WALL_MS);
    view.full('json');
    view.delta('json', 1);
    expect(kept).toBeInstanceOf(Buffer);
    expect(view.find('A', 'a')?.encode('json')).toBe(kept);
  });

  it('is not kept for names that nobody has, beyond a bound, and still answered', () => {
    const view = viewOf('a');
    for (let index = 0; index < 5_000; index += 1) view.vip(`made-up-${index}`, false, 'json');
    expect(view.vip('made-up-1', false, 'json')).toBe(view.vip('made-up-1', false, 'json'));
    const last = view.vip('made-up-4999', false, 'json');
    expect(view.vip('made-up-4999', false, 'json')).not.toBe(last);
    expect(parse(last).application).toEqual([]);
  });
});

describe('a VIP', () => {
  const view = new RegistryView(RETENTION_MS);
  view.put(instanceOf('A', 'a1', { vipAddress: 'one,Two', secureVipAddress: 'safe' }), 0, WALL_MS);
  view.put(instanceOf('A', 'a2', { vipAddress: 'two', status: 'DOWN' }), 0, WALL_MS);
  view.put(instanceOf('B', 'b1', { vipAddress: 'TWO' }), 0, WALL_MS);
  view.put(instanceOf('C', 'c1', { vipAddress: undefined }), 0, WALL_MS);

  it.each([
    ['one', false, ['A/a1 UP ADDED'], 'UP_1_'],
    ['two', false, ['A/a1 UP ADDED', 'A/a2 DOWN ADDED', 'B/b1 UP ADDED'], 'DOWN_1_UP_2_'],
    ['TWO', false, ['A/a1 UP ADDED', 'A/a2 DOWN ADDED', 'B/b1 UP ADDED'], 'DOWN_1_UP_2_'],
    ['tw', false, [], ''],
    ['one,Two', false, [], ''],
    ['', false, [], ''],
    ['safe', true, ['A/a1 UP ADDED'], 'UP_1_'],
    ['safe', false, [], ''],
    ['one', true, [], ''],
  ])('%j (secure: %s) has whom it names, with their own hash and version -1', (address, isSecure, expected, hash) => {
    const document = view.vip(address, isSecure, 'json');
    expect(rows(document)).toEqual(expected);
    expect(parse(document)).toMatchObject({ versions__delta: '-1', apps__hashcode: hash });
  });
});

describe('one instance', () => {
  const view = new RegistryView(RETENTION_MS);
  view.put(instanceOf('A', 'same'), 0, WALL_MS);
  view.put(instanceOf('B', 'same'), 0, WALL_MS);
  view.put(instanceOf('B', 'other'), 0, WALL_MS);

  it('is found by application and id, by the exact case', () => {
    expect(view.find('B', 'same')?.info.app).toBe('B');
    expect(view.find('B', 'SAME')).toBeUndefined();
    expect(view.find('C', 'same')).toBeUndefined();
  });

  it('is found by its id alone in the first application that has it', () => {
    expect(view.findById('same')?.info.app).toBe('A');
    expect(view.findById('other')?.info.app).toBe('B');
    expect(view.findById('nobody')).toBeUndefined();
  });

  it('is wrapped in JSON and bare in XML', () => {
    const found = view.find('A', 'same');
    if (found === undefined) throw new Error('the instance is not in the view');
    expect(JSON.parse(view.instance(found, 'json').toString())).toMatchObject({ instance: { instanceId: 'same', app: 'A' } });
    expect(view.instance(found, 'xml').toString()).toMatch(/^<instance><instanceId>same<.*<\/instance>$/);
  });

  it('is in the document of its application, which is wrapped likewise', () => {
    expect(JSON.parse(view.application('B', 'json')?.body.toString() ?? '')).toMatchObject({
      application: { name: 'B', instance: [{ instanceId: 'same' }, { instanceId: 'other' }] },
    });
    expect(view.application('B', 'xml')?.body.toString()).toMatch(/^<application><name>B<\/name><instance>.*<\/application>$/);
  });
});
