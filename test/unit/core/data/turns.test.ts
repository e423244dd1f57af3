import { expect, it } from 'vitest';
import { Turns } from '../../../../core/data/turns.ts';

/** Tasks that begin when it is their turn and end when the test says so. */
function tasks(most: number) {
  const turns = new Turns<string>(most);
  const begun: string[] = [];
  const ends = new Map<string, { readonly resolve: () => void; readonly reject: (error: Error) => void }>();
  const start = (key: string, name: string) =>
    turns.run(key, () => {
      begun.push(name);
      return new Promise<void>((resolve, reject) => ends.set(name, { resolve, reject }));
    });
  const end = async (name: string) => {
    ends.get(name)?.resolve();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { begun, ends, start, end };
}

it('begins no more than allowed, and the others in the order in which they came', async () => {
  const { begun, start, end } = tasks(2);
  const all = ['1', '2', '3', '4', '5'].map((name) => start('a', name));
  expect(begun).toEqual(['1', '2']);
  await end('2');
  expect(begun).toEqual(['1', '2', '3']);
  await end('1');
  await end('3');
  expect(begun).toEqual(['1', '2', '3', '4', '5']);
  await end('4');
  await end('5');
  await Promise.all(all);
});

it('lets nobody wait for the tasks of another key', () => {
  const { begun, start } = tasks(1);
  for (const [key, name] of ['a1', 'a2', 'b1', 'b2']) void start(key ?? '', `${key}${name}`);
  expect(begun).toEqual(['a1', 'b1']);
});

it('goes on after a task that failed, and tells of it', async () => {
  const { begun, ends, start, end } = tasks(1);
  const failing = start('a', '1');
  const next = start('a', '2');
  ends.get('1')?.reject(new Error('refused'));
  await expect(failing).rejects.toThrow('refused');
  expect(begun).toEqual(['1', '2']);
  await end('2');
  await next;
  void start('a', '3');
  expect(begun).toEqual(['1', '2', '3']);
});
