import type { DataInfoId } from '../../core/index.ts';
import { encodeInfo, singleInstance } from './codec/document-frame.ts';
import { StatusCounts } from './codec/hash.ts';
import type { ActionType, InstanceInfo } from './codec/instance-info.ts';
import { Applications, type Fragment } from './documents/applications.ts';
import type { EncodedDocument } from './documents/document.ts';
import type { Form } from './negotiation.ts';

/** One instance in the view, with its encoded forms made at most once. */
export interface ViewInstance extends Fragment {
  readonly info: InstanceInfo;
  /** The datum it lives in; a spelling of the application's name. */
  readonly dataInfoId: DataInfoId;
  /** From another ecosystem: shown, but not to be changed through Eureka. */
  readonly isDerived: boolean;
  /** When it came to be as it is, on the monotonic clock of this Session. */
  readonly shownAtMs: number;
}

interface DeltaEntry {
  readonly app: string;
  readonly instanceId: string;
  /** On the monotonic clock, by which entries age. */
  readonly atMs: number;
}

/** Bytes of an instance without its metadata, about. */
const INSTANCE_BYTES = 900;
/** Queries for made-up names must not fill the memory; the next change clears everything. */
const DOCUMENTS_MOST = 2_000;

export function viewInstance(info: InstanceInfo, dataInfoId: DataInfoId, isDerived: boolean, shownAtMs: number): ViewInstance {
  const encoded = new Map<Form, Buffer>();
  let weight = INSTANCE_BYTES;
  for (const [key, value] of info.metadata) weight += key.length + value.length;
  return {
    info,
    dataInfoId,
    isDerived,
    shownAtMs,
    weight,
    encode(form) {
      let bytes = encoded.get(form);
      if (bytes === undefined) {
        bytes = encodeInfo(info, form);
        encoded.set(form, bytes);
      }
      return bytes;
    },
  };
}

/**
 * Everything Eureka readers see, as one snapshot: applications, hash and delta change together and never between two reads of one
 * turn. A change encodes one instance and its chunk, nothing else. Time is an argument.
 */
export class RegistryView {
  readonly #applications = new Map<string, Map<string, ViewInstance>>();
  readonly #vips = { plain: new Map<string, Set<ViewInstance>>(), secure: new Map<string, Set<ViewInstance>>() };
  readonly #counts = new StatusCounts();
  readonly #everything = new Applications();
  readonly #changes = new Applications();
  /** In the order of time. */
  readonly #changedAt = new Map<string, DeltaEntry>();
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
    return this.#applications.get(app)?.get(instanceId);
  }

  /** The first instance with this id in any application. */
  findById(instanceId: string): ViewInstance | undefined {
    for (const instances of this.#applications.values()) {
      const found = instances.get(instanceId);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Applications in the order of their names, with their instances. */
  applications(): readonly { readonly name: string; readonly instances: readonly ViewInstance[] }[] {
    return [...this.#applications]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, instances]) => ({ name, instances: [...instances.values()] }));
  }

  put(instance: ViewInstance, nowMs: number, wallMs: number): void {
    const { app, instanceId, status } = instance.info;
    let instances = this.#applications.get(app);
    if (instances === undefined) {
      instances = new Map();
      this.#applications.set(app, instances);
    }
    const earlier = instances.get(instanceId);
    if (earlier === undefined) this.#instanceCount += 1;
    else {
      this.#counts.add(earlier.info.status, -1);
      this.#indexVips(earlier, false);
    }
    instances.set(instanceId, instance);
    this.#counts.add(status, 1);
    this.#indexVips(instance, true);
    this.#everything.put(app, instanceId, instance);
    this.#changed(instance, instance.info.actionType, nowMs, wallMs);
  }

  remove(app: string, instanceId: string, nowMs: number, wallMs: number): ViewInstance | undefined {
    const instances = this.#applications.get(app);
    const instance = instances?.get(instanceId);
    if (instances === undefined || instance === undefined) return undefined;
    instances.delete(instanceId);
    if (instances.size === 0) this.#applications.delete(app);
    this.#instanceCount -= 1;
    this.#counts.add(instance.info.status, -1);
    this.#indexVips(instance, false);
    this.#everything.delete(app, instanceId);
    this.#changed(instance, 'DELETED', nowMs, wallMs);
    return instance;
  }

  full(form: Form): EncodedDocument {
    return this.#document(`full/${form}`, () => this.#everything.document(form, '1', this.#counts.hash()));
  }

  /** Everything that changed within the retention, each instance once, in its latest state, with the hash of the whole registry. */
  delta(form: Form, nowMs: number): EncodedDocument {
    this.#forgetOld(nowMs);
    return this.#document(`delta/${form}`, () => this.#changes.document(form, String(this.#revision), this.#counts.hash()));
  }

  application(name: string, form: Form): EncodedDocument | undefined {
    if (!this.#applications.has(name)) return undefined;
    return this.#document(`app/${form}/${name}`, () => this.#everything.application(name, form));
  }

  /** Instances whose VIP list holds an address, ignoring case. An unknown address gives an empty list. */
  vip(address: string, isSecure: boolean, form: Form): EncodedDocument {
    const wanted = address.toLowerCase();
    return this.#document(`${isSecure ? 'svip' : 'vip'}/${form}/${wanted}`, () => {
      const counts = new StatusCounts();
      const matching = new Applications();
      for (const instance of (isSecure ? this.#vips.secure : this.#vips.plain).get(wanted) ?? []) {
        counts.add(instance.info.status, 1);
        matching.put(instance.info.app, instance.info.instanceId, instance);
      }
      return matching.document(form, '-1', counts.hash());
    });
  }

  instance(instance: ViewInstance, form: Form): Buffer {
    return singleInstance(instance.encode(form), form);
  }

  hash(): string {
    return this.#counts.hash();
  }

  #indexVips(instance: ViewInstance, isPresent: boolean): void {
    index(this.#vips.plain, instance.info.vipAddress, instance, isPresent);
    index(this.#vips.secure, instance.info.secureVipAddress, instance, isPresent);
  }

  #changed(instance: ViewInstance, action: ActionType, nowMs: number, wallMs: number): void {
    const { app, instanceId } = instance.info;
    const key = `${app}/${instanceId}`;
    // Set anew, so that the map stays in the order of time.
    this.#changedAt.delete(key);
    this.#changedAt.set(key, { app, instanceId, atMs: nowMs });
    if (action === 'DELETED') this.#changes.put(app, instanceId, deletedFragment(instance, wallMs), true);
    else this.#changes.put(app, instanceId, instance);
    this.#touch();
  }

  #forgetOld(nowMs: number): void {
    for (const [key, { app, instanceId, atMs }] of this.#changedAt) {
      if (nowMs - atMs <= this.#retentionMs) return;
      this.#changedAt.delete(key);
      this.#changes.delete(app, instanceId);
      this.#touch();
    }
  }

  #touch(): void {
    this.#revision += 1;
    this.#documents.clear();
  }

  #document<T extends EncodedDocument | undefined>(key: string, make: () => T): T | EncodedDocument {
    const known = this.#documents.get(key);
    if (known !== undefined) return known;
    const document = make();
    if (document !== undefined && this.#documents.size < DOCUMENTS_MOST) this.#documents.set(key, document);
    return document;
  }
}

function index(vips: Map<string, Set<ViewInstance>>, list: string | undefined, instance: ViewInstance, isPresent: boolean): void {
  for (const item of list?.split(',') ?? []) {
    const address = item.toLowerCase();
    const instances = vips.get(address) ?? new Set();
    if (isPresent) instances.add(instance);
    else instances.delete(instance);
    if (instances.size > 0) vips.set(address, instances);
    else vips.delete(address);
  }
}

/** The instance as a delta shows its removal. */
function deletedFragment({ info, weight }: ViewInstance, wallMs: number): Fragment {
  const deleted: InstanceInfo = { ...info, leaseInfo: { ...info.leaseInfo, evictionTimestamp: wallMs }, actionType: 'DELETED' };
  return { weight, encode: (form) => encodeInfo(deleted, form) };
}
