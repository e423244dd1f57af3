/** The CRC-32 of gzip as polynomials over GF(2), reflected: `x^0` is the highest bit (the arithmetic of zlib's crc32_combine). */
const POLYNOMIAL = 0xedb88320;

function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b;
  for (let mask = 0x80000000; mask !== 0; mask >>>= 1) {
    if ((a & mask) !== 0) product ^= factor;
    factor = (factor & 1) === 0 ? factor >>> 1 : (factor >>> 1) ^ POLYNOMIAL;
  }
  return product >>> 0;
}

/** `x^(2^n)` modulo the polynomial. */
const POWERS: readonly number[] = (() => {
  const powers = [0x40000000];
  for (let n = 1; n < 32; n += 1) powers.push(multiply(powers[n - 1] as number, powers[n - 1] as number));
  return powers;
})();

/** The operator that moves a CRC over `length` following bytes. */
export function crcShift(length: number): number {
  let operator = 0x80000000;
  // Eight bits a byte: the exponent begins at 2^3.
  for (let rest = length, n = 3; rest > 0; rest = Math.floor(rest / 2), n = (n + 1) & 31)
    if (rest % 2 === 1) operator = multiply(POWERS[n] as number, operator);
  return operator;
}

/** The CRC of two runs of bytes, one after the other; `shift` is that of the second's length. */
export function combineCrc(first: number, second: number, shift: number): number {
  return (multiply(shift, first) ^ second) >>> 0;
}
