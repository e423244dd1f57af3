import { describe, expect, it } from 'vitest';
import { isRegistryErrorCode, RegistryError, RegistryErrorCode } from '../../../../core/model/errors.ts';

describe('a RegistryError', () => {
  it.each(Object.values(RegistryErrorCode))('begins its text with its code: %s', (code) => {
    const error = new RegistryError(code, 'because');
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'RegistryError', code, message: `${code}: because` });
    expect(isRegistryErrorCode(code)).toBe(true);
  });

  it('keeps the true cause', () => {
    const cause = new Error('disk full');
    expect(new RegistryError('store-unavailable', 'no write', { cause }).cause).toBe(cause);
  });

  it.each([
    ['an Error', new TypeError('x is undefined'), 'x is undefined'],
    ['a text', 'just text', 'just text'],
    ['a number', 7, '7'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
  ])('is made from %s that was caught, as unavailable unless told otherwise', (_name, caught, text) => {
    expect(RegistryError.from(caught)).toMatchObject({ code: 'unavailable', message: `unavailable: ${text}`, cause: caught });
    expect(RegistryError.from(caught, 'timeout')).toMatchObject({ code: 'timeout', message: `timeout: ${text}` });
  });

  it('that was caught comes back unchanged, whatever code the catcher had in mind', () => {
    const error = new RegistryError('conflict', 'lost');
    expect(RegistryError.from(error, 'timeout')).toBe(error);
  });

  it.each(['', 'Conflict', 'InvalidArgument', 'toString', '__proto__', 'unavailable '])('does not know the code %j', (text) => {
    expect(isRegistryErrorCode(text)).toBe(false);
  });

  it('has a code of its own for every reason', () => {
    const codes = Object.values(RegistryErrorCode);
    expect(new Set(codes).size).toBe(codes.length);
  });
});
