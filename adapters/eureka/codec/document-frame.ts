import { type Form, isJson } from '../negotiation.ts';
import type { InstanceInfo } from './instance-info.ts';
import { toJsonCompactInstance, toJsonInstance } from './json.ts';
import { element, escapeXml, toXmlCompactInstance, toXmlInstance } from './xml.ts';

/** What stands around instances in a document (Eureka protocol, canonical documents), and the instances themselves. Compact documents have version and hash last. */
export const SEPARATOR = Buffer.from(',');

export function encodeInfo(info: InstanceInfo, form: Form): Buffer {
  switch (form) {
    case 'json':
      return Buffer.from(JSON.stringify(toJsonInstance(info)));
    case 'json-compact':
      return Buffer.from(JSON.stringify(toJsonCompactInstance(info)));
    case 'xml':
      return Buffer.from(toXmlInstance(info));
    case 'xml-compact':
      return Buffer.from(toXmlCompactInstance(info));
    default:
      return form satisfies never;
  }
}

/** `{"instance":...}` or `<instance>`: a single instance as a document. */
export function singleInstance(encoded: Buffer, form: Form): Buffer {
  return isJson(form) ? Buffer.concat([Buffer.from('{"instance":'), encoded, Buffer.from('}')]) : encoded;
}

export function applicationsHead(form: Form, version: string, hash: string): Buffer {
  if (form === 'json') return Buffer.from(`{"applications":{"versions__delta":"${version}","apps__hashcode":"${hash}","application":[`);
  if (form === 'json-compact') return Buffer.from('{"applications":{"application":[');
  return Buffer.from(`<applications>${form === 'xml' ? xmlVersion(version, hash) : ''}`);
}

export function applicationsTail(form: Form, version: string, hash: string): Buffer {
  if (form === 'json') return Buffer.from(']}}');
  if (form === 'json-compact') return Buffer.from(`],"versions__delta":"${version}","apps__hashcode":"${hash}"}}`);
  return Buffer.from(`${form === 'xml-compact' ? xmlVersion(version, hash) : ''}</applications>`);
}

function xmlVersion(version: string, hash: string): string {
  return `<versions__delta>${version}</versions__delta><apps__hashcode>${escapeXml(hash)}</apps__hashcode>`;
}

export function applicationHead(form: Form, name: string): Buffer {
  return Buffer.from(isJson(form) ? `{"name":${JSON.stringify(name)},"instance":[` : `<application>${element('name', name)}`);
}

const APPLICATION_TAILS = { json: Buffer.from(']}'), xml: Buffer.from('</application>') };

/** One buffer each, so that documents can be compared by their parts. */
export function applicationTail(form: Form): Buffer {
  return isJson(form) ? APPLICATION_TAILS.json : APPLICATION_TAILS.xml;
}

/** Elements of one list, each in one or more buffers: separated in JSON, one after the other in XML. */
export function separated(elements: readonly (readonly Buffer[])[], form: Form): Buffer[] {
  const between = isJson(form) ? [SEPARATOR] : [];
  return elements.flatMap((element, index) => (index === 0 ? element : [...between, ...element]));
}
