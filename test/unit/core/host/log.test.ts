import { beforeEach, describe, expect, it } from 'vitest';
import { createLog, type LogOptions } from '../../../../core/host/log.ts';
import { LIMITS } from '../../../../core/model/limits.ts';

let lines: string[];
let nowMs: number;
beforeEach(() => {
  [lines, nowMs] = [[], 0];
});

const log = (form: LogOptions['form'], level: LogOptions['level'] = 'info') =>
  createLog({ form, level, write: (line) => void lines.push(line), now: () => new Date(nowMs) });

describe('the log', () => {
  it('writes an object a line, or text, with the fields of its context', () => {
    log('json').with({ role: 'data' }).info('moved', { slots: 3, version: 5n });
    log('text').with({ role: 'data' }).warn('moved', { slots: 3, left: undefined });
    expect(lines).toEqual([
      '{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"moved","role":"data","slots":3,"version":"5"}',
      '1970-01-01T00:00:00.000Z WARN  moved role=data slots=3',
    ]);
  });

  it('writes nothing below its level', () => {
    log('text', 'warn').info('moved');
    expect(lines).toEqual([]);
  });

  it('lets no value begin a line or command a terminal', () => {
    log('text').warn('refused', { user: 'eve\n1970-01-01 INFO all is well', title: '\u001b]0;owned\u0007' });
    expect(lines).toEqual([
      '1970-01-01T00:00:00.000Z WARN  refused user=eve\\u000a1970-01-01 INFO all is well title=\\u001b]0;owned\\u0007',
    ]);
  });

  it('leaves out what comes too often, over all its contexts, and tells how much', () => {
    const all = log('text');
    for (let i = 0; i < LIMITS.logLinesPerMessage; i += 1) all.with({ role: i % 2 }).warn('refused', { i });
    all.warn('refused', { i: 'one more' });
    all.warn('another');
    expect(lines).toHaveLength(LIMITS.logLinesPerMessage + 1);
    expect(lines.at(-1)).toContain('another');
    nowMs = 10_000;
    all.warn('refused', { i: 'again' });
    expect(lines.slice(-2)).toEqual([
      '1970-01-01T00:00:10.000Z WARN  lines were left out of=refused lines=1',
      '1970-01-01T00:00:10.000Z WARN  refused i=again',
    ]);
  });

  it('writes every debug line', () => {
    const all = log('text', 'debug');
    for (let i = 0; i <= LIMITS.logLinesPerMessage; i += 1) all.debug('read');
    expect(lines).toHaveLength(LIMITS.logLinesPerMessage + 1);
  });
});
