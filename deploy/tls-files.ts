import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { RegistryError, RegistryErrorCode } from '../core/index.ts';

/** PEM files of one end of TLS; empty for none. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Their texts, without those that are not named. */
export type TlsTexts = { readonly [name in keyof TlsFiles]?: string };

/**
 * Reads the files of a group of settings, e.g. `cluster.tls`, and makes sure that they are what they should be and belong together: what TLS
 * itself would say of them names neither.
 *
 * @throws RegistryError `invalid-argument` with a sentence that names the setting and the file.
 */
export function readTlsFiles(files: TlsFiles, group: string): TlsTexts {
  const read = <T>(name: keyof TlsFiles, what: string, parse: (text: string) => T) => {
    const path = files[name];
    if (path === '') return undefined;
    const text = readText(path, `${group}.${name}`);
    try {
      return { text, parsed: parse(text) };
    } catch (cause) {
      throw problem(`${group}.${name}: ${path} holds no ${what} in PEM: ${reasonOf(cause)}`, cause);
    }
  };
  const ca = read('ca', 'certificate', (text) => new X509Certificate(text));
  const cert = read('cert', 'certificate', (text) => new X509Certificate(text));
  const key = read('key', 'private key without password', (text) => createPrivateKey(text));
  if (cert !== undefined && key !== undefined && !cert.parsed.checkPrivateKey(key.parsed)) {
    throw problem(`${group}.key: ${files.key} is not the key of the certificate in ${files.cert}`);
  }
  return {
    ...(ca === undefined ? {} : { ca: ca.text }),
    ...(cert === undefined ? {} : { cert: cert.text }),
    ...(key === undefined ? {} : { key: key.text }),
  };
}

/** The text of a file that a setting names. @throws RegistryError `invalid-argument` with a sentence that names both. */
export function readText(path: string, setting: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw problem(`${setting}: ${path} cannot be read: ${reasonOf(cause)}`, cause);
  }
}

function problem(sentence: string, cause?: unknown): RegistryError {
  return new RegistryError(RegistryErrorCode.InvalidArgument, sentence, { cause });
}

function reasonOf(caught: unknown): string {
  return caught instanceof Error ? caught.message : String(caught);
}
