import { describe, expect, it } from 'vitest';
import {
  DATA_INFO_ID_DELIMITER,
  DEFAULT_GROUP,
  DEFAULT_INSTANCE_ID,
  foldDataInfoId,
  foldText,
  formatDataInfoId,
  parseDataInfoId,
} from '../../../../core/model/data-info-id.ts';
import { LIMITS } from '../../../../core/model/limits.ts';

const PUBLIC = { instanceId: DEFAULT_INSTANCE_ID, group: DEFAULT_GROUP };

describe('a DataInfoId', () => {
  it.each([
    ['a Java service', { dataId: 'com.acme.Pay:1.0@DEFAULT', ...PUBLIC }, 'com.acme.Pay:1.0@DEFAULT#@#DEFAULT_INSTANCE_ID#@#DEFAULT_GROUP'],
    ['one letter per part', { dataId: 'a', instanceId: 'b', group: 'c' }, 'a#@#b#@#c'],
    ['the delimiter inside the dataId', { dataId: 'a#@#b', instanceId: 'i', group: 'g' }, 'a#@#b#@#i#@#g'],
    ['a dataId that begins with the delimiter', { dataId: '#@#a', instanceId: 'i', group: 'g' }, '#@#a#@#i#@#g'],
    ['a dataId that ends with half of the delimiter', { dataId: 'a#@', instanceId: 'i', group: 'g' }, 'a#@#@#i#@#g'],
    ['single characters of the delimiter', { dataId: '#', instanceId: '@', group: 'x#' }, '##@#@#@#x#'],
    ['letters beyond ASCII', { dataId: '订单服务', instanceId: 'größe', group: '😀' }, '订单服务#@#größe#@#😀'],
    ['blanks, which are letters like others', { dataId: ' a ', instanceId: ' ', group: ' g' }, ' a #@# #@# g'],
  ])('joins and splits %s', (_name, parts, text) => {
    expect(formatDataInfoId(parts)).toBe(text);
    expect(parseDataInfoId(text)).toEqual(parts);
  });

  it.each([
    ['an empty dataId', { dataId: '', ...PUBLIC }],
    ['an empty instanceId', { dataId: 'a', instanceId: '', group: 'g' }],
    ['an empty group', { dataId: 'a', instanceId: 'i', group: '' }],
    ['a delimiter in the instanceId', { dataId: 'a', instanceId: `i${DATA_INFO_ID_DELIMITER}j`, group: 'g' }],
    ['the end of a delimiter at the beginning of the instanceId', { dataId: 'a', instanceId: '@#i', group: 'g' }],
    ['the end of a delimiter at the beginning of the group', { dataId: 'a', instanceId: 'i', group: '@#g' }],
    ['a delimiter in the group', { dataId: 'a', instanceId: 'i', group: `${DATA_INFO_ID_DELIMITER}g` }],
  ])('is refused with %s', (_name, parts) => {
    expect(() => formatDataInfoId(parts)).toThrow(expect.objectContaining({ name: 'RegistryError', code: 'invalid-argument' }));
  });

  it.each([
    ['nothing', ''],
    ['no delimiter', 'com.acme.Pay'],
    ['one delimiter', 'a#@#g'],
    ['only delimiters', '#@##@#'],
    ['an empty dataId', '#@#i#@#g'],
    ['an empty instanceId', 'a#@##@#g'],
    ['an empty group', 'a#@#i#@#'],
    ['delimiters that share a character', 'a#@#@#g'],
    ['half a delimiter', 'a#@i#@g'],
  ])('is not read from %s', (_name, text) => {
    expect(() => parseDataInfoId(text)).toThrow(expect.objectContaining({ name: 'RegistryError', code: 'invalid-argument' }));
  });

  it('is named in the error only by its beginning, so that a long one cannot fill the log', () => {
    const message = messageOf(() => parseDataInfoId('x'.repeat(100_000)));
    expect(message).toContain('xxx');
    expect(message.length).toBeLessThan(200);
  });

  it('may be exactly as long as the limit, and not one character longer', () => {
    const rest = LIMITS.dataInfoIdLength - 2 * DATA_INFO_ID_DELIMITER.length - 'ig'.length;
    const longest = { dataId: 'x'.repeat(rest), instanceId: 'i', group: 'g' };
    expect(formatDataInfoId(longest)).toHaveLength(LIMITS.dataInfoIdLength);
    expect(() => formatDataInfoId({ ...longest, dataId: `${longest.dataId}x` })).toThrow(
      expect.objectContaining({ name: 'RegistryError', code: 'limit-exceeded' }),
    );
  });

  it('counts the limit over all parts', () => {
    const parts = { dataId: 'x'.repeat(1_000), instanceId: 'y'.repeat(1_000), group: 'z'.repeat(100) };
    expect(() => formatDataInfoId(parts)).toThrow(expect.objectContaining({ code: 'limit-exceeded' }));
  });
});

describe('folding', () => {
  it.each([
    ['upper and lower ASCII', ['Com.Acme.PAY', 'com.acme.pay', 'COM.ACME.PAY']],
    ['sharp s and its two letters', ['straße', 'STRASSE', 'strasse']],
    ['the dotless i and the plain one', ['ı', 'I', 'i']],
    ['both small sigmas', ['ΟΔΟΣ', 'οδος', 'οδοσ']],
    ['the Kelvin sign', ['K', 'K', 'k']],
    ['ligatures', ['ﬁt', 'FIT', 'fit']],
    ['letters beyond the basic plane', ['𐐀', '𐐨']],
  ])('brings together %s', (_name, spellings) => {
    expect(new Set(spellings.map(foldText)).size).toBe(1);
  });

  it.each([
    ['an accent', 'e', 'é'],
    ['a width', 'a', 'ａ'],
    ['a separator', 'a-b', 'a_b'],
    ['a blank', 'a', 'a '],
  ])('keeps apart what differs by %s', (_name, one, other) => {
    expect(foldText(one)).not.toBe(foldText(other));
  });

  it('is the same for a name whatever the case of each of its letters below U+1E00', () => {
    const unsettled: string[] = [];
    for (let code = 0; code < 0x1e00; code += 1) {
      const letter = String.fromCodePoint(code);
      const folded = foldText(letter);
      const others = [folded, letter.toLowerCase(), letter.toUpperCase()];
      if (others.some((other) => foldText(other) !== folded)) unsettled.push(code.toString(16));
    }
    expect(unsettled).toEqual([]);
  });

  it('folds all three parts of a DataInfoId and leaves its delimiters', () => {
    const id = formatDataInfoId({ dataId: 'Pay', ...PUBLIC });
    expect(foldDataInfoId(id)).toBe('pay#@#default_instance_id#@#default_group');
    expect(foldDataInfoId(formatDataInfoId({ dataId: 'PAY', ...PUBLIC }))).toBe(foldDataInfoId(id));
  });
});

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (caught) {
    return (caught as Error).message;
  }
  throw new Error('nothing was thrown');
}
