// Reads a password from the standard input and prints a line for a credentials file: npm run hash-password -- USER < password.txt
import { randomBytes, scryptSync } from 'node:crypto';
import { readFileSync } from 'node:fs';

const [user] = process.argv.slice(2);
if (user === undefined || user === '' || user.includes(':')) {
  console.error('usage: npm run hash-password -- USER < FILE; the password is the first line of the standard input');
  process.exit(2);
}
const [password = ''] = readFileSync(0, 'utf8').split(/\r?\n/);
if (password === '') {
  console.error('the password is empty');
  process.exit(2);
}
const [cost, blockSize, parallelization] = [16_384, 8, 1];
const salt = randomBytes(16);
const hash = scryptSync(password, salt, 32, { N: cost, r: blockSize, p: parallelization });
console.log(`${user}:scrypt$${cost}$${blockSize}$${parallelization}$${salt.toString('base64')}$${hash.toString('base64')}`);
