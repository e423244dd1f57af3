import { describe, expect, it } from 'vitest';
import { EUREKA_LIMITS } from '../../../../adapters/eureka/limits.ts';
import { belowBase, canonicalPath, joinInstanceId, splitPath } from '../../../../adapters/eureka/paths.ts';
import { refusal } from './fixtures.ts';

function resource(rawPath: string, contextPath = ''): readonly string[] | undefined {
  return belowBase(splitPath(rawPath), splitPath(contextPath));
}

describe('the resource of a path', () => {
  const rows: readonly [string, string, readonly string[] | undefined][] = [
    ['Netflix', '/eureka/v2/apps', ['apps']],
    ['Netflix, version 1', '/eureka/v1/apps', ['apps']],
    ['Spring', '/eureka/apps', ['apps']],
    ['upstream test servers', '/v2/apps', ['apps']],
    ['a version in upper case', '/eureka/V2/apps', ['apps']],
    ['a trailing slash, as Java asks', '/eureka/apps/', ['apps']],
    ['doubled slashes, as a base with a slash makes them', '/eureka//apps/', ['apps']],
    ['slashes everywhere', '//eureka///v2//apps///delta//', ['apps', 'delta']],
    ['the base itself', '/eureka/', []],
    ['the base with a version', '/eureka/v2/', []],
    ['an application', '/eureka/apps/DEMO', ['apps', 'DEMO']],
    ['the delta', '/eureka/v2/apps/delta', ['apps', 'delta']],
    ['an application that is called DELTA', '/eureka/apps/DELTA', ['apps', 'DELTA']],
    ['an application that is called eureka', '/eureka/apps/eureka', ['apps', 'eureka']],
    ['an application that is called v2', '/eureka/apps/v2', ['apps', 'v2']],
    ['an instance', '/eureka/apps/DEMO/i-1', ['apps', 'DEMO', 'i-1']],
    ['a status', '/eureka/v2/apps/DEMO/i-1/status', ['apps', 'DEMO', 'i-1', 'status']],
    ['a path parameter, as Tomcat drops it', '/eureka/apps;jsessionid=1/DEMO;x=2', ['apps', 'DEMO']],
    ['no base', '/apps', undefined],
    ['the root', '/', undefined],
    ['another version', '/v3/apps', undefined],
    ['a base in another case', '/EUREKA/apps', undefined],
    ['a base that only begins alike', '/eurekax/apps', undefined],
    ['a context path that nobody configured', '/ctx/eureka/apps', undefined],
  ];
  it.each(rows)('%s', (_name, path, expected) => {
    expect(resource(path)).toEqual(expected);
  });

  const withContext: readonly [string, string, string, readonly string[] | undefined][] = [
    ['is found below a configured context path', '/ctx/eureka/apps', '/ctx', ['apps']],
    ['is found below a context path of two segments', '/a/b/eureka/v2/apps/', '/a/b', ['apps']],
    ['is found below a context path with a trailing slash', '/ctx/eureka/apps', '/ctx/', ['apps']],
    ['is found without the configured context path, too', '/eureka/apps', '/ctx', ['apps']],
    ['is not found below half a context path', '/a/eureka/apps', '/a/b', undefined],
    ['is not found below the context path alone', '/ctx/apps', '/ctx', undefined],
  ];
  it.each(withContext)('%s', (_name, path, contextPath, expected) => {
    expect(resource(path, contextPath)).toEqual(expected);
  });
});

describe('ids in a path', () => {
  const rows: readonly [string, string, string][] = [
    ['a colon', 'host%3Ademo%3A8080', 'host:demo:8080'],
    ['a bare colon', 'host:demo:8080', 'host:demo:8080'],
    ['a slash', 'a%2Fb', 'a/b'],
    ['a hash sign', 'a%23b', 'a#b'],
    ['a question mark', 'a%3Fb', 'a?b'],
    ['a semicolon that is encoded', 'a%3Bb', 'a;b'],
    ['a percent sign', 'a%25b', 'a%b'],
    ['what looks encoded twice, decoded once', 'a%252Fb', 'a%2Fb'],
    ['a space', 'a%20b', 'a b'],
    ['a plus sign, which is no space in a path', 'a+b', 'a+b'],
    ['letters beyond ASCII', '%E4%B8%AD%C3%A9%F0%9F%98%80', '中é😀'],
    ['lower-case digits', '%e4%b8%ad', '中'],
    ['all of the signs of upstream tests', 'test%231.%5B3.%3F%5D!', 'test#1.[3.?]!'],
    ['one dot', 'a/.', '.'],
    ['two dots inside', 'a..b', 'a..b'],
  ];
  it.each(rows)('hold %s', (_name, raw, expected) => {
    expect(splitPath(`/eureka/apps/DEMO/${raw}`).at(-1)).toBe(expected);
  });

  it.each([
    ['half an escape', '%4', /percent encoding/],
    ['an escape of no digits', '%zz', /percent encoding/],
    ['bytes that are no UTF-8', '%ff%fe', /percent encoding/],
    ['an overlong slash', '%c0%af', /percent encoding/],
    ['a surrogate in UTF-8', '%ed%a0%80', /percent encoding/],
    ['NUL', 'a%00b', /not acceptable/],
    ['a backslash', 'a%5Cb', /not acceptable/],
    ['the parent folder', '..', /not acceptable/],
    ['the parent folder, encoded', '%2e%2E', /not acceptable/],
    ['one character too many', 'x'.repeat(EUREKA_LIMITS.pathSegmentLength + 1), /not acceptable/],
    ['more than could be decoded into the limit', '%41'.repeat(EUREKA_LIMITS.pathSegmentLength + 1), /too long/],
  ])('are refused for %s', (_name, raw, message) => {
    const refused = refusal(() => splitPath(`/eureka/apps/DEMO/${raw}`));
    expect(refused.status).toBe(400);
    expect(refused.message).toMatch(message);
  });

  it('may be as long as the limit, encoded or not', () => {
    const longest = 'x'.repeat(EUREKA_LIMITS.pathSegmentLength);
    expect(splitPath(`/${longest}`)).toEqual([longest]);
    expect(splitPath(`/${'%78'.repeat(EUREKA_LIMITS.pathSegmentLength)}`)).toEqual([longest]);
  });
});

describe('an id that was written with its slashes', () => {
  const rows: readonly [string, string, readonly string[]][] = [
    ['is one segment', '/apps/DEMO/a/b', ['apps', 'DEMO', 'a/b']],
    ['may have several', '/apps/DEMO/http://host/x', ['apps', 'DEMO', 'http:/host/x']],
    ['leaves the operation alone', '/apps/DEMO/a/b/status', ['apps', 'DEMO', 'a/b', 'status']],
    ['leaves the other operation alone', '/apps/DEMO/a/b/c/metadata', ['apps', 'DEMO', 'a/b/c', 'metadata']],
    ['may end like an operation when it is encoded', '/apps/DEMO/a%2Fstatus', ['apps', 'DEMO', 'a/status']],
    ['is found without its application, too', '/instances/a/b', ['instances', 'a/b']],
    ['is not made of anything else', '/vips/a/b', ['vips', 'a', 'b']],
    ['leaves short paths alone', '/apps/DEMO', ['apps', 'DEMO']],
    ['leaves an ordinary operation alone', '/apps/DEMO/i-1/status', ['apps', 'DEMO', 'i-1', 'status']],
  ];
  it.each(rows)('%s', (_name, path, expected) => {
    expect(joinInstanceId(splitPath(path))).toEqual(expected);
  });
});

describe('the canonical path', () => {
  it('has one slash before each segment and none behind the last', () => {
    expect(canonicalPath(['apps', 'DEMO', 'i-1'])).toBe('/apps/DEMO/i-1');
    expect(canonicalPath([])).toBe('/');
  });

  it('gives back the very segments when it is split again', () => {
    const segments = ['apps', 'DEMO', 'a/b?c#d;e%f g+h:中😀'];
    expect(canonicalPath(segments)).not.toContain(';');
    expect(splitPath(canonicalPath(segments))).toEqual(segments);
  });
});
