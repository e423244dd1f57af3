import { describe, expect, it } from 'vitest';
import type { ListenerInfo } from '../../../core/index.ts';
import { createLog } from '../../../core/index.ts';
import { Announcement, HeldLines, type OutputForm } from '../../../deploy/announcement.ts';

const LISTENERS: readonly ListenerInfo[] = [
  { protocol: 'Eureka', purpose: 'Eureka REST', host: '127.0.0.1', port: 8761, setting: 'eureka.port', clientSetting: 'zone=http://x/' },
  { protocol: 'admin', purpose: 'health', host: '0.0.0.0', port: 9615, setting: 'admin.port', clientSetting: '' },
];

function announce(form: OutputForm): string {
  let output = '';
  const write = (text: string) => {
    output += text;
  };
  const log = createLog({ level: 'info', form, write: (line) => write(`${line}\n`), now: () => new Date(0) });
  const announcement = new Announcement(form, log, write);
  announcement.starting({ version: '1.2.3', dataDir: '/data' });
  announcement.ready(LISTENERS, 42);
  return output;
}

describe('the first output', () => {
  it('is version, data folder, an aligned table and the time it took', () => {
    expect(announce('text')).toBe(
      [
        'Isthmus 1.2.3',
        'data folder /data',
        '',
        'protocol  address    port  purpose      put into your client',
        'Eureka    127.0.0.1  8761  Eureka REST  zone=http://x/',
        'admin     0.0.0.0    9615  health',
        '',
        'ready in 42 ms',
        '',
      ].join('\n'),
    );
  });

  it('says the same in colour', () => {
    const coloured = announce('colour');
    const esc = String.fromCharCode(27);
    expect(coloured).toContain(`${esc}[32mready in 42 ms${esc}[0m`);
    expect(coloured.replaceAll(new RegExp(`${esc}\\[\\d*m`, 'g'), '')).toBe(announce('text'));
  });

  it('is one JSON object a line for programs', () => {
    const lines = announce('json')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map((line) => line['message'])).toEqual(['Isthmus', 'listening', 'listening', 'ready in 42 ms']);
    expect(lines[0]).toMatchObject({ version: '1.2.3', dataDir: '/data' });
    expect(lines[1]).toMatchObject({ protocol: 'Eureka', host: '127.0.0.1', port: 8761, clientSetting: 'zone=http://x/' });
  });
});

describe('log lines of a start', () => {
  it('wait for the table, in their order, and later ones do not', () => {
    let output = '';
    const lines = new HeldLines(true, (text) => {
      output += text;
    });
    lines.write('first');
    lines.write('second');
    expect(output).toBe('');
    lines.release();
    lines.write('third');
    lines.release();
    expect(output).toBe('first\nsecond\nthird\n');
  });

  it('are written at once when nothing is held', () => {
    let output = '';
    new HeldLines(false, (text) => {
      output += text;
    }).write('first');
    expect(output).toBe('first\n');
  });
});
