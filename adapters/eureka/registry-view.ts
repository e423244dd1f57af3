import type { DataInfoId } from '../../core/index.ts';
import { StatusCounts } from './codec/hash.ts';
import type { ActionType, InstanceInfo } from './codec/instance-info.ts';
import { toJsonInstance } from './codec/json.ts';
import { element, escapeXml, toXmlInstance } from './codec/xml.ts';
import type { Representation } from './negotiation.ts';

export type Form = Representation['form'];

/** One instance in the view, with its encoded forms made at most once. */
export interface ViewInstance {
  readonly info: InstanceInfo;
  /** The datum it lives in; a spelling of the application's name. */
  readonly dataInfoId: DataInfoId;
  /** From another ecosystem: shown, but not to be changed through Eureka. */
  readonly isForeign: boolean;
  readonly encoded: Map<Form, Buffer>;
}

interface Application {
  readonly name: string;
  readonly instances: Map<string, ViewInstance>;
  readonly encoded: Map<Form, Buffer>;
}

interface DeltaEntry {
  readonly instance: ViewInstance;
  readonly action: ActionType;
  /** On the monotonic clock, by which entries age. */
  readonly atMs: number;
  /** Unix milliseconds, shown as the time of eviction. */
  readonly wallMs: number;
}

/** A finished document of one revision; who compresses it keeps the result with it. */
export interface EncodedDocument {
  readonly body: Buffer;
  readonly form: Form;
  gzip: Promise<Buffer> | undefined;
}

export function viewInstance(info: InstanceInfo, dataInfoId: DataInfoId, isForeign: boolean): ViewInstance {
  return { info, dataInfoId, isForeign, encoded: new Map() };
}

/**
 * Everything Eureka readers see, as one snapshot: applications, hash and delta change together and never between two reads of one
 * turn. Instances and applications are encoded once and concatenated, so that one change encodes one instance. Time is an argument.
 */
export class RegistryView {
  readonly #applications = new Map<string, Application>();
  readonly #counts = new StatusCounts();
  readonly #delta = new Map<string, DeltaEntry>();
  readonly #retentionMs: number;
  readonly #documents = new Map<string, EncodedDocument>();
  #instanceCount = 0;
  /** Raised with each change and each entry that leaves the delta: the version of the delta document. */
  #revision = 1;

  constructor(retentionMs: number) {
    this.#retentionMs = retentionMs;
  }

  get revision(): number {
    return this.#revision;
  }

  get instanceCount(): number {
    return this.#instanceCount;
  }

  find(app: string, instanceId: string): ViewInstance | undefined {
    return this.#applications.get(app)?.instances.get(instanceId);
  }

  /** The first instance with this id in any application. */
  findById(instanceId: string): ViewInstance | undefined {
    for (const application of this.#applications.values()) {
      const found = application.instances.get(instanceId);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Applications in the order of their names, with their instances. */
  applications(): readonly { readonly name: string; readonly instances: readonly ViewInstance[] }[] {
    return this.#sorted().map(({ name, instances }) => ({ name, instances: [...instances.values()] }));
  }

  put(instance: ViewInstance, nowMs: number, wallMs: number): void {
    const { app, instanceId, status, actionType } = instance.info;
    let application = this.#applications.get(app);
    if (application === undefined) {
      application = { name: app, instances: new Map(), encoded: new Map() };
      this.#applications.set(app, application);
    }
    const earlier = application.instances.get(instanceId);
    if (earlier !== undefined) this.#counts.add(earlier.info.status, -1);
    else this.#instanceCount += 1;
    application.instances.set(instanceId, instance);
    application.encoded.clear();
    this.#counts.add(status, 1);
    this.#changed(instance, actionType === 'MODIFIED' ? 'MODIFIED' : 'ADDED', nowMs, wallMs);
  }

  remove(app: string, instanceId: string, nowMs: number, wallMs: number): ViewInstance | undefined {
    const application = this.#applications.get(app);
    const instance = application?.instances.get(instanceId);
    if (application === undefined || instance === undefined) return undefined;
    application.instances.delete(instanceId);
    application.encoded.clear();
    if (application.instances.size === 0) this.#applications.delete(app);
    this.#instanceCount -= 1;
    this.#counts.add(instance.info.status, -1);
    this.#changed(instance, 'DELETED', nowMs, wallMs);
    return instance;
  }

  full(form: Form): EncodedDocument {
    return this.#document(`full/${form}`, form, () =>
      encodeApplications(
        form,
        '1',
        this.#counts.hash(),
        this.#sorted().map((app) => encodeApplication(app, form)),
      ),
    );
  }

  /** Everything that changed within the retention, each instance once, in its latest state, with the hash of the whole registry. */
  delta(form: Form, nowMs: number): EncodedDocument {
    this.#forgetOld(nowMs);
    return this.#document(`delta/${form}`, form, () => {
      const parts = [...groupByApplication(this.#delta.values())].map(([name, entries]) => encodeDeltaApplication(name, entries, form));
      return encodeApplications(form, String(this.#revision), this.#counts.hash(), parts);
    });
  }

  application(name: string, form: Form): EncodedDocument | undefined {
    const application = this.#applications.get(name);
    if (application === undefined) return undefined;
    return this.#document(`app/${form}/${name}`, form, () => {
      const body = encodeApplication(application, form);
      return form === 'json' ? Buffer.concat([Buffer.from('{"application":'), body, Buffer.from('}')]) : body;
    });
  }

  /** Instances whose VIP list holds an address, ignoring case. An unknown address gives an empty list. */
  vip(address: string, isSecure: boolean, form: Form): EncodedDocument {
    const wanted = address.toLowerCase();
    return this.#document(`${isSecure ? 'svip' : 'vip'}/${form}/${wanted}`, form, () => {
      const counts = new StatusCounts();
      const parts: Buffer[] = [];
      for (const { name, instances } of this.#sorted()) {
        const matching = [...instances.values()].filter(({ info }) => {
          const list = isSecure ? info.secureVipAddress : info.vipAddress;
          return list?.split(',').some((item) => item.toLowerCase() === wanted) === true;
        });
        for (const { info } of matching) counts.add(info.status, 1);
        if (matching.length > 0)
          parts.push(
            encodeParts(
              name,
              matching.map((instance) => encodeInstance(instance, form)),
              form,
            ),
          );
      }
      return encodeApplications(form, '-1', counts.hash(), parts);
    });
  }

  instance(instance: ViewInstance, form: Form): Buffer {
    const body = encodeInstance(instance, form);
    return form === 'json' ? Buffer.concat([Buffer.from('{"instance":'), body, Buffer.from('}')]) : body;
  }

  hash(): string {
    return this.#counts.hash();
  }

  #sorted(): readonly Application[] {
    return [...this.#applications.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #changed(instance: ViewInstance, action: ActionType, nowMs: number, wallMs: number): void {
    const key = `${instance.info.app}/${instance.info.instanceId}`;
    // Set anew, so that the map stays in the order of time.
    this.#delta.delete(key);
    this.#delta.set(key, { instance, action, atMs: nowMs, wallMs });
    this.#touch();
  }

  #forgetOld(nowMs: number): void {
    for (const [key, entry] of this.#delta) {
      if (nowMs - entry.atMs <= this.#retentionMs) return;
      this.#delta.delete(key);
      this.#touch();
    }
  }

  #touch(): void {
    this.#revision += 1;
    this.#documents.clear();
  }

  #document(key: string, form: Form, encode: () => Buffer): EncodedDocument {
    let document = this.#documents.get(key);
    if (document === undefined) {
      document = { body: encode(), form, gzip: undefined };
      // Queries for made-up names must not fill the memory; the next change clears everything.
      if (this.#documents.size < DOCUMENTS_MOST) this.#documents.set(key, document);
    }
    return document;
  }
}

const DOCUMENTS_MOST = 2_000;

function groupByApplication(entries: Iterable<DeltaEntry>): Map<string, DeltaEntry[]> {
  const groups = new Map<string, DeltaEntry[]>();
  for (const entry of entries) {
    const list = groups.get(entry.instance.info.app);
    if (list === undefined) groups.set(entry.instance.info.app, [entry]);
    else list.push(entry);
  }
  return groups;
}

/** Deletions last: a client that does not know the application adopts it whole upon the first addition. */
function encodeDeltaApplication(name: string, entries: readonly DeltaEntry[], form: Form): Buffer {
  const live = entries.filter((entry) => entry.action !== 'DELETED').map((entry) => encodeInstance(entry.instance, form));
  const gone = entries
    .filter((entry) => entry.action === 'DELETED')
    .map(({ instance, wallMs }) => encodeInfo(asDeleted(instance.info, wallMs), form));
  return encodeParts(name, [...live, ...gone], form);
}

function asDeleted(info: InstanceInfo, wallMs: number): InstanceInfo {
  return { ...info, leaseInfo: { ...info.leaseInfo, evictionTimestamp: wallMs }, actionType: 'DELETED' };
}

function encodeInstance(instance: ViewInstance, form: Form): Buffer {
  let encoded = instance.encoded.get(form);
  if (encoded === undefined) {
    encoded = encodeInfo(instance.info, form);
    instance.encoded.set(form, encoded);
  }
  return encoded;
}

function encodeInfo(info: InstanceInfo, form: Form): Buffer {
  return Buffer.from(form === 'json' ? JSON.stringify(toJsonInstance(info)) : toXmlInstance(info));
}

function encodeApplication(application: Application, form: Form): Buffer {
  let encoded = application.encoded.get(form);
  if (encoded === undefined) {
    encoded = encodeParts(
      application.name,
      [...application.instances.values()].map((instance) => encodeInstance(instance, form)),
      form,
    );
    application.encoded.set(form, encoded);
  }
  return encoded;
}

function encodeParts(name: string, instances: readonly Buffer[], form: Form): Buffer {
  if (form === 'xml')
    return Buffer.concat([Buffer.from(`<application>${element('name', name)}`), ...instances, Buffer.from('</application>')]);
  return Buffer.concat([Buffer.from(`{"name":${JSON.stringify(name)},"instance":[`), ...withCommas(instances), Buffer.from(']}')]);
}

function encodeApplications(form: Form, version: string, hash: string, applications: readonly Buffer[]): Buffer {
  if (form === 'xml') {
    const head = `<applications><versions__delta>${version}</versions__delta><apps__hashcode>${escapeXml(hash)}</apps__hashcode>`;
    return Buffer.concat([Buffer.from(head), ...applications, Buffer.from('</applications>')]);
  }
  const head = `{"applications":{"versions__delta":"${version}","apps__hashcode":"${hash}","application":[`;
  return Buffer.concat([Buffer.from(head), ...withCommas(applications), Buffer.from(']}}')]);
}

const COMMA = Buffer.from(',');

function withCommas(parts: readonly Buffer[]): Buffer[] {
  return parts.flatMap((part, index) => (index === 0 ? [part] : [COMMA, part]));
}
