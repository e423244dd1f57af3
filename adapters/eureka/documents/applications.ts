import { applicationHead, applicationsHead, applicationsTail, applicationTail, SEPARATOR, separated } from '../codec/document-frame.ts';
import { type Form, isJson } from '../negotiation.ts';
import { CHUNK_BYTES, Chunks } from './chunks.ts';
import { EncodedDocument } from './document.ts';
import { type Part, type Run, toRuns } from './run.ts';

/** One instance as a document shows it. */
export interface Fragment {
  /** About the bytes of its encoded form. */
  readonly weight: number;
  /** The same bytes whenever it is asked. */
  encode(form: Form): Buffer;
}

interface Application {
  readonly name: string;
  readonly live: Chunks<Fragment>;
  /** Deletions of a delta. They come last: a client that does not know the application adopts it whole upon the first addition. */
  readonly gone: Chunks<Fragment>;
  /** The same bytes in every document, so that a run is known again by its parts. */
  readonly heads: Map<Form, Buffer>;
}

const HEAD_WEIGHT = 60;

/**
 * The applications of a document with their instances, kept in chunks that are encoded and compressed apart: small applications share a
 * chunk, large ones have several. A change of one instance costs one chunk, and the copying of the run it is in.
 */
export class Applications {
  readonly #applications = new Map<string, Application>();
  readonly #small = new Chunks<Application>();
  readonly #large = new Map<string, Application>();
  /** Of the latest document. */
  readonly #runs = new Map<Form, readonly Run[]>();

  get(name: string): { readonly size: number } | undefined {
    const application = this.#applications.get(name);
    return application === undefined ? undefined : { size: application.live.size + application.gone.size };
  }

  put(name: string, key: string, fragment: Fragment, isDeleted = false): void {
    let application = this.#applications.get(name);
    if (application === undefined) {
      application = { name, live: new Chunks(), gone: new Chunks(), heads: new Map() };
      this.#applications.set(name, application);
    }
    const [into, outOf] = isDeleted ? [application.gone, application.live] : [application.live, application.gone];
    outOf.delete(key);
    into.put(key, fragment, fragment.weight);
    this.#place(application);
  }

  delete(name: string, key: string): void {
    const application = this.#applications.get(name);
    if (application === undefined) return;
    application.live.delete(key);
    application.gone.delete(key);
    if (application.live.size + application.gone.size > 0) {
      this.#place(application);
      return;
    }
    this.#applications.delete(name);
    this.#small.delete(name);
    this.#large.delete(name);
  }

  /** The document as it is now. */
  document(form: Form, version: string, hash: string): EncodedDocument {
    const parts: Part[] = [];
    const add = (part: Part) => {
      if (parts.length > 0 && isJson(form)) parts.push(SEPARATOR);
      parts.push(part);
    };
    for (const chunk of this.#small.chunks()) add(chunk.piece(form, (members) => encodeSmall(members, form)));
    for (const application of this.#large.values()) {
      const [head, ...rest] = largeParts(application, form);
      if (head !== undefined) add(head);
      for (const part of rest) parts.push(part);
    }
    const runs = toRuns(parts, this.#runs.get(form));
    this.#runs.set(form, runs);
    return new EncodedDocument(form, { head: applicationsHead(form, version, hash), runs, tail: applicationsTail(form, version, hash) });
  }

  /** One application by itself. */
  application(name: string, form: Form): EncodedDocument | undefined {
    const application = this.#applications.get(name);
    if (application === undefined) return undefined;
    const [head, tail] = isJson(form) ? ['{"application":', '}'] : ['', ''];
    return new EncodedDocument(form, { head: Buffer.from(head), runs: toRuns(largeParts(application, form)), tail: Buffer.from(tail) });
  }

  #place(application: Application): void {
    const weight = application.live.weight + application.gone.weight + HEAD_WEIGHT;
    // Between half a chunk and a whole one it stays what it is.
    const isLarge = this.#large.has(application.name) ? weight > CHUNK_BYTES / 2 : weight > CHUNK_BYTES;
    if (isLarge) {
      this.#small.delete(application.name);
      this.#large.set(application.name, application);
      return;
    }
    this.#large.delete(application.name);
    this.#small.put(application.name, application, weight);
  }
}

function largeParts({ name, live, gone, heads }: Application, form: Form): Part[] {
  const head = heads.get(form) ?? applicationHead(form, name);
  heads.set(form, head);
  const parts: Part[] = [head];
  let isFirst = true;
  for (const chunk of [...live.chunks(), ...gone.chunks()]) {
    if (!isFirst && isJson(form)) parts.push(SEPARATOR);
    isFirst = false;
    parts.push(
      chunk.piece(form, (members) => {
        const fragments = [...members];
        return () => Buffer.concat(encodeFragments(fragments, form));
      }),
    );
  }
  parts.push(applicationTail(form));
  return parts;
}

function encodeFragments(fragments: readonly Fragment[], form: Form): readonly Buffer[] {
  return separated(
    fragments.map((fragment) => [fragment.encode(form)]),
    form,
  );
}

/** Applications change while their document lives, fragments do not. */
function encodeSmall(applications: Iterable<Application>, form: Form): () => Buffer {
  const captured = [...applications].map(({ name, live, gone }) => ({
    name,
    fragments: [...live.chunks(), ...gone.chunks()].flatMap((chunk) => [...chunk.members.values()]),
  }));
  return () => {
    const encoded = captured.map(({ name, fragments }) => [
      applicationHead(form, name),
      ...encodeFragments(fragments, form),
      applicationTail(form),
    ]);
    return Buffer.concat(separated(encoded, form));
  };
}
