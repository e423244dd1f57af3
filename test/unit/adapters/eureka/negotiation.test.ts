import { describe, expect, it } from 'vitest';
import { bodyForm, chooseRepresentation, mediaType, wholeForm } from '../../../../adapters/eureka/negotiation.ts';

describe('the form of an answer', () => {
  const rows: readonly [string, string | undefined, 'json' | 'xml'][] = [
    ['nothing accepted by name, as py_eureka_client', undefined, 'xml'],
    ['an empty Accept', '', 'xml'],
    ['anything', '*/*', 'xml'],
    ['XML, as fargo', 'application/xml', 'xml'],
    ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'xml'],
    ['JSON, as Netflix', 'application/json', 'json'],
    ['JSON, as Spring', 'application/json, application/*+json', 'json'],
    ['JSON of a vendor', 'application/vnd.x+json', 'json'],
    ['JSON in upper case', 'APPLICATION/JSON', 'json'],
    ['JSON after XML', 'application/xml, application/json;q=0.1', 'json'],
    ['an image', 'image/png', 'xml'],
  ];
  it.each(rows)('for %s', (_name, accept, form) => {
    expect(chooseRepresentation({ accept })).toEqual({ form, isGzip: false });
  });
});

describe('the compression of an answer', () => {
  const rows: readonly [string, string | undefined, boolean][] = [
    ['no Accept-Encoding', undefined, false],
    ['an empty one', '', false],
    ['identity', 'identity', false],
    ['deflate alone', 'deflate, br', false],
    ['gzip', 'gzip', true],
    ['gzip among others', 'deflate, gzip;q=0.5, br', true],
    ['gzip in upper case', 'GZIP', true],
  ];
  it.each(rows)('for %s', (_name, acceptEncoding, isGzip) => {
    expect(chooseRepresentation({ accept: 'application/json', acceptEncoding })).toEqual({ form: 'json', isGzip });
    expect(chooseRepresentation({ accept: undefined, acceptEncoding })).toEqual({ form: 'xml', isGzip });
  });
});

describe('the compact form', () => {
  const rows: readonly [string, string | undefined, boolean][] = [
    ['no X-Eureka-Accept', undefined, false],
    ['full', 'full', false],
    ['compact', 'compact', true],
    ['COMPACT', 'COMPACT', true],
    ['nonsense', 'tiny', false],
  ];
  it.each(rows)('for %s', (_name, eurekaAccept, isCompact) => {
    const json = chooseRepresentation({ accept: 'application/json', eurekaAccept }).form;
    const xml = chooseRepresentation({ accept: undefined, eurekaAccept }).form;
    expect([json, xml]).toEqual(isCompact ? ['json-compact', 'xml-compact'] : ['json', 'xml']);
    expect([mediaType(json), mediaType(xml)]).toEqual(['application/json', 'application/xml']);
    expect([wholeForm(json), wholeForm(xml)]).toEqual(['json', 'xml']);
  });
});

describe('the form of a request body', () => {
  const rows: readonly [string, string | undefined, string, 'json' | 'xml' | undefined][] = [
    ['JSON', 'application/json', '{}', 'json'],
    ['JSON with a charset', 'application/json;charset=UTF-8', '{}', 'json'],
    ['JSON in upper case with spaces', ' Application/JSON ; charset=utf-8', '{}', 'json'],
    ['JSON of a vendor', 'application/vnd.x+json', '{}', 'json'],
    ['JSON as text', 'text/json', '{}', 'json'],
    ['XML', 'application/xml', '<instance/>', 'xml'],
    ['XML as text', 'text/xml; charset=utf-8', '<instance/>', 'xml'],
    ['XML of a vendor', 'application/x+xml', '<instance/>', 'xml'],
    ['no type and JSON', undefined, ' \n{}', 'json'],
    ['no type and XML', undefined, ' \n<instance/>', 'xml'],
    ['no type and XML behind a byte order mark', undefined, '\ufeff<instance/>', 'xml'],
    ['an empty type and JSON', '', '{}', 'json'],
    ['no type and nothing', undefined, '', 'json'],
    ['a type that says XML although it looks like JSON', 'application/xml', '{}', 'xml'],
    ['plain text', 'text/plain', '{}', undefined],
    ['a form', 'application/x-www-form-urlencoded', '{}', undefined],
    ['bytes', 'application/octet-stream', '<instance/>', undefined],
    ['a type that only begins like JSON', 'application/jsonx', '{}', undefined],
  ];
  it.each(rows)('%s', (_name, contentType, body, expected) => {
    expect(bodyForm(contentType, body)).toBe(expected);
  });
});
