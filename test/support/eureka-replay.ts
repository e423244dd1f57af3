import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { http } from './http.ts';

const FOLDER = new URL('../vectors/eureka/', import.meta.url);

/** A step of a recorded exchange with a real Eureka server; the README beside the vectors describes the form. */
export interface RecordedStep {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | { readonly gzip: string } | { readonly base64: string };
  /** Set from the case: only status and type are compared. */
  readonly statusOnly?: boolean;
  readonly answer: RecordedAnswer;
}

export interface RecordedAnswer {
  readonly status: number;
  readonly type?: string;
  readonly encoding?: string;
  readonly json?: unknown;
  readonly xml?: string;
  readonly empty?: boolean;
  readonly error_body?: unknown;
}

export interface RecordedCase {
  readonly name: string;
  readonly fresh?: boolean;
  /** Reads need a moment after a write at the real server. */
  readonly settle?: boolean;
  readonly statusOnly?: boolean;
  readonly may?: Readonly<Record<string, string>>;
  readonly steps: readonly RecordedStep[];
}

/** What the server under test answered; the body already inflated. */
export interface ActualAnswer {
  readonly status: number;
  readonly type: string;
  readonly encoding: string;
  readonly body: string;
}

/** All recorded cases; those that need an empty registry come first. */
export function recordedCases(): readonly RecordedCase[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as RecordedCase)
    .sort((a, b) => Number(b.fresh === true) - Number(a.fresh === true));
}

/** Sends the request of a step to a server on this machine. */
export async function sendStep(port: number, step: RecordedStep): Promise<ActualAnswer> {
  const path = step.path.startsWith('//') ? step.path.slice(1) : `/eureka${step.path}`;
  const answer = await http(port, {
    method: step.method,
    path,
    headers: step.headers ?? {},
    ...(step.body === undefined ? {} : { body: bodyOf(step.body) }),
  });
  const type = String(answer.headers['content-type'] ?? '').split(';')[0] ?? '';
  return { status: answer.status, type, encoding: String(answer.headers['content-encoding'] ?? ''), body: answer.text };
}

function bodyOf(body: NonNullable<RecordedStep['body']>): string | Buffer {
  if (typeof body === 'string') return body;
  return 'gzip' in body ? gzipSync(body.gzip) : Buffer.from(body.base64, 'base64');
}

/** Timestamps that the recording knows only as "some time". */
const SERVER_TIMES = new Set([
  'registrationTimestamp',
  'lastRenewalTimestamp',
  'evictionTimestamp',
  'serviceUpTimestamp',
  'lastUpdatedTimestamp',
]);

/** Says how an answer differs from the recorded one; empty when a client could not tell them apart. */
export function compareAnswer(step: RecordedStep, actual: ActualAnswer, applications: ReadonlySet<string>): readonly string[] {
  const { answer } = step;
  const differences: string[] = [];
  if (actual.status !== answer.status) differences.push(`status ${actual.status} instead of ${answer.status}`);
  const hasDocument = answer.json !== undefined || answer.xml !== undefined;
  if (hasDocument && actual.type !== (answer.type ?? '')) differences.push(`type ${actual.type} instead of ${answer.type ?? ''}`);
  if (step.statusOnly === true) return differences;
  if (answer.empty === true && actual.body !== '') differences.push(`a body of ${actual.body.length} characters instead of none`);
  if (hasDocument && actual.encoding !== (answer.encoding ?? ''))
    differences.push(`encoding ${actual.encoding} instead of ${answer.encoding ?? ''}`);
  if (differences.length > 0) return differences;
  if (answer.json !== undefined) differences.push(...compareJson(answer.json, actual.body, isDelta(step), applications));
  if (answer.xml !== undefined) differences.push(...compareXml(answer.xml, actual.body, isDelta(step), applications));
  return differences;
}

function isDelta(step: RecordedStep): boolean {
  return /\/delta\/?(\?|$)/.test(step.path);
}

function compareJson(expected: unknown, body: string, delta: boolean, applications: ReadonlySet<string>): readonly string[] {
  let actual: unknown;
  try {
    actual = JSON.parse(body);
  } catch {
    return ['the body is no JSON'];
  }
  const differences: string[] = [];
  compareValue('', normalise(expected, delta, applications), normalise(actual, delta, applications), differences);
  return differences;
}

/** Sorts what has no order, keeps a delta's own applications, and makes server times comparable. */
function normalise(value: unknown, delta: boolean, applications: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) {
    const items = value
      .filter((item) => !delta || !isApplication(item) || applications.has(item.name))
      .map((item) => normalise(item, delta, applications));
    return items.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, normaliseField(key, item, delta, applications)]);
  return Object.fromEntries(entries);
}

function normaliseField(key: string, value: unknown, delta: boolean, applications: ReadonlySet<string>): unknown {
  if (SERVER_TIMES.has(key)) return value === 0 || value === '0' ? 0 : 'time';
  if (key === 'versions__delta' && delta) return 'version';
  if (key === 'apps__hashcode' && delta) return 'hash';
  if (key === 'metadata' && isEmptyMap(value)) return {};
  return normalise(value, delta, applications);
}

function isEmptyMap(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.entries(value).every(([key, item]) => key === '@class' && String(item).startsWith('java.util.'))
  );
}

function isApplication(item: unknown): item is { readonly name: string } {
  return typeof item === 'object' && item !== null && 'name' in item && 'instance' in item;
}

function keyOf(item: unknown): string {
  const fields = typeof item === 'object' && item !== null ? (item as Readonly<Record<string, unknown>>) : {};
  return `${String(fields['name'] ?? '')} ${String(fields['instanceId'] ?? '')} ${JSON.stringify(item)}`;
}

function compareValue(path: string, expected: unknown, actual: unknown, differences: string[]): void {
  if (expected === '<now>' && /^\d{13}$/.test(String(actual))) return;
  if (Array.isArray(expected) && Array.isArray(actual) && expected.length === actual.length) {
    for (const [index, item] of expected.entries()) compareValue(`${path}[${index}]`, item, actual[index], differences);
    return;
  }
  if (isPlain(expected) && isPlain(actual)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)]))
      compareValue(`${path}.${key}`, expected[key], actual[key], differences);
    return;
  }
  if (JSON.stringify(expected) !== JSON.stringify(actual)) {
    differences.push(`${path}: ${JSON.stringify(actual)?.slice(0, 200)} instead of ${JSON.stringify(expected)?.slice(0, 200)}`);
  }
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function compareXml(expected: string, body: string, delta: boolean, applications: ReadonlySet<string>): readonly string[] {
  const wanted = normaliseXml(expected, delta, applications);
  const got = normaliseXml(body, delta, applications);
  if (wanted === got) return [];
  let at = 0;
  while (wanted[at] === got[at]) at += 1;
  return [`XML differs at ${at}: …${got.slice(Math.max(0, at - 40), at + 80)} instead of …${wanted.slice(Math.max(0, at - 40), at + 80)}`];
}

const XML_TIMES = /<(registrationTimestamp|lastRenewalTimestamp|evictionTimestamp|serviceUpTimestamp|lastUpdatedTimestamp)>(\d+|MS)<\/\1>/g;

function normaliseXml(text: string, delta: boolean, applications: ReadonlySet<string>): string {
  const compact = text
    .replace(/<\?xml[^>]*\?>/, '')
    .replace(/>\s+</g, '><')
    .replace(XML_TIMES, (_match, name: string, value: string) => `<${name}>${value === '0' ? '0' : 'MS'}</${name}>`)
    .replace(/<lastDirtyTimestamp>(NOW|\d{13})<\/lastDirtyTimestamp>/g, (match, value: string) =>
      value === 'NOW' || Number(value) > 1_750_000_000_000 ? '<lastDirtyTimestamp>NOW</lastDirtyTimestamp>' : match,
    )
    .replace(/<(\w+)><\/\1>/g, '<$1/>')
    // The order of metadata entries is that of the server's map.
    .replace(
      /<metadata>(.*?)<\/metadata>/gs,
      (_match, entries: string) => `<metadata>${(entries.match(/<([^\s/>]+)[^>]*?(\/>|>.*?<\/\1>)/gs) ?? []).sort().join('')}</metadata>`,
    )
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .trim();
  const versioned = delta
    ? compact.replace(/<versions__delta>[^<]*<\/versions__delta>/, '').replace(/<apps__hashcode(\/>|>[^<]*<\/apps__hashcode>)/, '')
    : compact;
  const sorted = versioned.replace(/(<application>.*<\/application>)/s, (all) =>
    sortElements(all, 'application', (part) => !delta || applications.has(nameIn(part))),
  );
  return sorted.replace(/(<instance>.*?<\/instance>)+/gs, (all) => sortElements(all, 'instance', () => true));
}

function sortElements(text: string, name: string, keep: (part: string) => boolean): string {
  const parts = text.match(new RegExp(`<${name}>.*?</${name}>`, 'gs')) ?? [];
  return parts.filter(keep).sort().join('');
}

function nameIn(part: string): string {
  return /<name>([^<]*)<\/name>/.exec(part)?.[1] ?? '';
}

/** Names of the applications a case works with, from its paths. */
export function applicationsOf(recorded: RecordedCase): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { path } of recorded.steps) {
    const name = /apps\/([^/?;]+)/.exec(path)?.[1];
    if (name !== undefined && name !== 'delta') names.add(decodeURIComponent(name).toUpperCase());
  }
  return names;
}
