import { beforeEach, describe, expect, it } from 'vitest';
import { decodeReceivedConfigData } from '../../../../adapters/sofa-bolt/codec/received-data.ts';
import { ConfiguratorPushes } from '../../../../adapters/sofa-bolt/configurator-pushes.ts';
import { Configurations } from '../../../../adapters/sofa-bolt/configurators.ts';
import { encodeConfiguration } from '../../../../adapters/sofa-bolt/operator-records.ts';
import {
  type DataInfoId,
  type DocumentChange,
  type Host,
  LIMITS,
  type PushOutcome,
  type SessionGateway,
  type StoredDocument,
} from '../../../../core/index.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { NO_METRICS, SILENT_LOG } from '../../../support/standalone.ts';

const NAME = 'd#@#DEFAULT_INSTANCE_ID#@#g' as DataInfoId;
const TIMEOUT_MS = 2_000;

describe('pushes to the configurators of one client', () => {
  let clock: HandClock;
  let documents: Map<string, StoredDocument>;
  let changed: (change: DocumentChange) => void;
  let configurations: Configurations;
  let pushes: ConfiguratorPushes;
  let sent: {
    readonly data: string | null;
    readonly ids: readonly string[];
    readonly version: bigint;
    readonly done: (o: PushOutcome) => void;
  }[];

  beforeEach(() => {
    clock = new HandClock();
    documents = new Map();
    sent = [];
    const watch = {
      ready: Promise.resolve(),
      get: (key: string) => documents.get(key),
      entries: () => documents.values(),
      close: () => undefined,
    };
    const gateway = {
      documents: {
        watch: (_prefix: string, listener: (change: DocumentChange) => void) => {
          changed = listener;
          return watch;
        },
      },
    } as unknown as SessionGateway;
    configurations = new Configurations(gateway, { clock, log: SILENT_LOG, metrics: NO_METRICS } as unknown as Host);
    pushes = new ConfiguratorPushes(configurations, clock, (content, done) => {
      const { dataBox, configuratorRegistIds, version } = decodeReceivedConfigData(content);
      sent.push({ data: dataBox?.data ?? null, ids: configuratorRegistIds, version, done });
    });
  });

  function set(value: Uint8Array): void {
    const document = { key: `sofa/config/${NAME}`, value, revision: documents.size + 1 };
    documents.set(document.key, document);
    changed({ kind: 'put', document });
  }

  const said = () => sent.map(({ data }) => data);

  it('say that there is nothing, then each change, in versions that grow though the clock stands still', () => {
    pushes.register(NAME, 'a');
    sent[0]?.done('acknowledged');
    set(encodeConfiguration({ version: 1n, data: 'x' }));
    sent[1]?.done('acknowledged');
    documents.clear();
    changed({ kind: 'delete', key: `sofa/config/${NAME}` });
    expect(said()).toEqual([null, 'x', null]);
    const versions = sent.map(({ version }) => version);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => (a < b ? -1 : 1)));
  });

  it('are repeated when they fail or are not answered, with what is newest, until they are answered', () => {
    pushes.register(NAME, 'a');
    sent[0]?.done('failed');
    clock.advance(499);
    expect(sent).toHaveLength(1);
    documents.set(`sofa/config/${NAME}`, { key: '', value: encodeConfiguration({ version: 1n, data: 'newer' }), revision: 1 });
    clock.advance(1);
    expect(said()).toEqual([null, 'newer']);
    clock.advance(TIMEOUT_MS + 1_000);
    clock.advance(TIMEOUT_MS + 1_500);
    clock.advance(TIMEOUT_MS + 5_000);
    clock.advance(TIMEOUT_MS + 5_000);
    expect(sent).toHaveLength(6);
    sent[5]?.done('acknowledged');
    clock.advance(60_000);
    expect(sent).toHaveLength(6);
  });

  it('are one at a time: an answer to an older one does not stop the newest', () => {
    pushes.register(NAME, 'a');
    set(encodeConfiguration({ version: 1n, data: 'x' }));
    sent[0]?.done('acknowledged');
    clock.advance(TIMEOUT_MS + 500);
    expect(said()).toEqual([null, 'x', 'x']);
    sent[2]?.done('acknowledged');
    clock.advance(60_000);
    expect(sent).toHaveLength(3);
  });

  it('go to all configurators of the name, and to none when the last is gone or the client is', () => {
    pushes.register(NAME, 'a');
    pushes.register(NAME, 'b');
    expect(sent[1]?.ids).toEqual(['a', 'b']);
    pushes.unregister(NAME, 'a');
    pushes.unregister(NAME, 'a');
    set(encodeConfiguration({ version: 1n, data: 'x' }));
    expect(sent[2]?.ids).toEqual(['b']);
    pushes.unregister(NAME, 'b');
    set(encodeConfiguration({ version: 2n, data: 'y' }));
    clock.advance(60_000);
    expect(sent).toHaveLength(3);
    pushes.register(NAME, 'a');
    pushes.close();
    sent[3]?.done('failed');
    clock.advance(60_000);
    expect(sent).toHaveLength(4);
    expect(clock.waitsMs).toEqual([]);
  });

  it('say nothing of a document that somebody else has written', () => {
    for (const text of ['', '{}', '[]', '{"version":1,"data":"x"}', '{"version":"1e3","data":"x"}', '{"version":"1","data":7}'])
      set(Buffer.from(text));
    pushes.register(NAME, 'a');
    expect(said()).toEqual([null]);
  });

  it('have a limit', () => {
    // Fifty thousand timers are more than a clock that is moved by hand can hold.
    const idle = { ...clock, schedule: () => ({ cancel: () => undefined }) } as unknown as HandClock;
    const many = new ConfiguratorPushes(configurations, idle, () => undefined);
    for (let i = 0; i < LIMITS.subscribersPerConnection; i += 1) many.register(`d${i}#@#i#@#g` as DataInfoId, 'a');
    expect(() => many.register(NAME, 'a')).toThrow(/at most/);
    many.unregister('d0#@#i#@#g' as DataInfoId, 'a');
    many.register(NAME, 'a');
  });
});
