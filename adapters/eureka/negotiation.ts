/** A form of document: JSON or XML, whole or reduced to what a client needs to call an instance (`X-Eureka-Accept: compact`). */
export type Form = 'json' | 'xml' | 'json-compact' | 'xml-compact';

/** How a read is answered: the form of the document and whether it is compressed. */
export interface Representation {
  readonly form: Form;
  readonly isGzip: boolean;
}

/** The headers of a request that choose the representation; undefined where the client sent none. */
export interface Accepted {
  readonly accept: string | undefined;
  readonly acceptEncoding?: string | undefined;
  /** `X-Eureka-Accept`; anything but `compact` means the whole document. */
  readonly eurekaAccept?: string | undefined;
}

/** JSON when `Accept` mentions it, else XML; gzip when `Accept-Encoding` mentions it (Eureka protocol, content negotiation). */
export function chooseRepresentation({ accept, acceptEncoding, eurekaAccept }: Accepted): Representation {
  const encoding = accept?.toLowerCase().includes('json') === true ? 'json' : 'xml';
  const isCompact = eurekaAccept?.toLowerCase() === 'compact';
  return { form: isCompact ? `${encoding}-compact` : encoding, isGzip: acceptEncoding?.toLowerCase().includes('gzip') === true };
}

export function isJson(form: Form): boolean {
  return form === 'json' || form === 'json-compact';
}

export function mediaType(form: Form): 'application/json' | 'application/xml' {
  return isJson(form) ? 'application/json' : 'application/xml';
}

/** The same document with nothing left out. */
export function wholeForm(form: Form): Form {
  return isJson(form) ? 'json' : 'xml';
}

/** What a request body is. undefined: refused with 415. A missing type is guessed from the first character. */
export function bodyForm(contentType: string | undefined, body: string): 'json' | 'xml' | undefined {
  const type = contentType?.split(';')[0]?.trim().toLowerCase();
  if (type === undefined || type === '') return /^\s*</.test(body) ? 'xml' : 'json';
  if (type === 'application/json' || type.endsWith('+json') || type === 'text/json') return 'json';
  return type === 'application/xml' || type === 'text/xml' || type.endsWith('+xml') ? 'xml' : undefined;
}
