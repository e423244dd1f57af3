import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkSettings } from '../../../deploy/check-settings.ts';
import { configSchema, type SchemaNode, settings } from '../../../deploy/config-schema.ts';
import { Findings, type Tree } from '../../../deploy/config-sources.ts';
import { ADDRESS_FORMATS } from '../../../deploy/node-network.ts';

const SCHEMA: SchemaNode & { readonly additionalProperties: false } = {
  type: 'object',
  additionalProperties: false,
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 3, pattern: '^[a-c😀]*$', default: 'a' },
    kind: { type: 'string', enum: ['x', 'y'], default: 'x' },
    address: { type: 'string', format: 'address', default: '' },
    group: {
      type: 'object',
      additionalProperties: false,
      properties: {
        count: { type: 'integer', minimum: -1, maximum: 3, default: 0 },
        share: { type: 'number', minimum: 0, maximum: 1, default: 0.5 },
        isOn: { type: 'boolean', default: true },
      },
    } as SchemaNode,
  },
};
const DEFAULTS = { name: 'a', kind: 'x', address: '', group: { count: 0, share: 0.5, isOn: true } };

function check(tree: object, schema: SchemaNode = SCHEMA) {
  const findings = new Findings();
  const checked = structuredClone(tree) as Tree;
  checkSettings(schema, checked, findings);
  return { checked, problems: findings.problems, paths: [...findings.paths] };
}

describe('checking settings', () => {
  it('fills in what is not there, groups as well', () => {
    expect(check({})).toEqual({ checked: DEFAULTS, problems: [], paths: [] });
    const some = check({ kind: 'y', group: { count: 3 } });
    expect(some).toEqual({ checked: { ...DEFAULTS, kind: 'y', group: { ...DEFAULTS.group, count: 3 } }, problems: [], paths: [] });
  });

  it('names every fault and its path, and has defaults in their place', () => {
    const wrong = { name: 'abcd', kind: 'z', address: 'a', colour: 'red', group: { count: 4, share: '1', isOn: null, toString: 1 } };
    expect(check(wrong)).toEqual({
      checked: DEFAULTS,
      problems: [
        'colour: there is no such setting',
        'name: "abcd" is not allowed; allowed: 1 to 3 characters',
        'kind: "z" is not allowed; allowed: one of x, y',
        'address: "a" is not allowed; allowed: any text',
        'group.toString: there is no such setting',
        'group.count: 4 is not allowed; allowed: -1 to 3',
        'group.share: "1" is not allowed; allowed: 0 to 1',
        'group.isOn: null is not allowed; allowed: true or false',
      ],
      paths: ['colour', 'name', 'kind', 'address', 'group.toString', 'group.count', 'group.share', 'group.isOn'],
    });
    expect(check({ group: [] })).toEqual({
      checked: DEFAULTS,
      problems: ['group: [] is not allowed; allowed: a group of settings'],
      paths: ['group'],
    });
  });

  it('judges as JSON Schema does', () => {
    const isValid = new Ajv({ strict: true, formats: ADDRESS_FORMATS }).compile(SCHEMA);
    const value = fc.oneof(
      fc.string({ unit: fc.constantFrom('a', 'c', 'd', '😀'), maxLength: 4 }),
      fc.constantFrom('x', 'y', 'a:1', -2, -1, 0.5, 1, 1.5, 3, 4, true, false, null, 1e300),
    );
    const one = (names: readonly string[]) => fc.tuple(fc.constantFrom(...names), value).map(([name, each]) => ({ [name]: each }));
    // One or two members differ from what is right, so that a tree is not wrong for many reasons at once.
    const group = fc.oneof(value, fc.array(value), one(['count', 'share', 'isOn', 'other']));
    const tree = fc.oneof(
      one(['name', 'kind', 'address', 'other']),
      group.map((each) => ({ group: each })),
      fc.record({ name: value, group }),
    );
    fc.assert(
      fc.property(tree, (each) => {
        expect(check(each).problems.length === 0).toBe(isValid(each));
        expect(isValid(check(each).checked)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('knows every keyword of the configuration, whose defaults are allowed', () => {
    const known = [
      'type',
      'description',
      'default',
      'allowed',
      'enum',
      'minimum',
      'maximum',
      'minLength',
      'maxLength',
      'pattern',
      'format',
    ];
    const keywords = (node: SchemaNode): readonly string[] =>
      node.properties === undefined ? Object.keys(node) : Object.values(node.properties).flatMap(keywords);
    expect(keywords(configSchema).filter((keyword) => !known.includes(keyword))).toEqual([]);
    const { checked, problems } = check({}, configSchema);
    expect(problems).toEqual([]);
    const filled = settings().map(({ path }) => path.split('.').reduce<unknown>((node, name) => (node as Tree)[name], checked));
    expect(filled).toEqual(settings().map(({ defaultValue }) => defaultValue));
  });
});
