/** How a read is answered: the form of the document and whether it is compressed. */
export interface Representation {
  readonly form: 'json' | 'xml';
  readonly isGzip: boolean;
}

/** JSON when `Accept` mentions it, else XML; gzip when `Accept-Encoding` mentions it (Eureka protocol, content negotiation). */
export function chooseRepresentation(accept: string | undefined, acceptEncoding: string | undefined): Representation {
  const form = accept?.toLowerCase().includes('json') === true ? 'json' : 'xml';
  return { form, isGzip: acceptEncoding?.toLowerCase().includes('gzip') === true };
}

/** What a request body is. undefined: refused with 415. A missing type is guessed from the first character. */
export function bodyForm(contentType: string | undefined, body: string): 'json' | 'xml' | undefined {
  const type = contentType?.split(';')[0]?.trim().toLowerCase();
  if (type === undefined || type === '') return /^\s*</.test(body) ? 'xml' : 'json';
  if (type === 'application/json' || type.endsWith('+json') || type === 'text/json') return 'json';
  return type === 'application/xml' || type === 'text/xml' || type.endsWith('+xml') ? 'xml' : undefined;
}
