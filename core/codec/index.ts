/** The second door of the core: byte helpers that adapters share. */
export { ByteReader } from './byte-reader.ts';
export { ByteWriter } from './byte-writer.ts';
