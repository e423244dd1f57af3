import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { expect, it } from 'vitest';
import { createShortHttpServer } from '../../../../core/host/short-http.ts';

const ANSWER_BYTES = 100 * 1024;

it('who asks all at once and takes no answer gets a hundred, and is cut off', async () => {
  let answered = 0;
  const server = createShortHttpServer((_request, response) => {
    answered += 1;
    response.end(Buffer.alloc(ANSWER_BYTES));
  }, 200);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cutOff = once(server, 'connection').then(([socket]) => once(socket, 'close'));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  // Answers of more than the buffers of the system hold.
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(500));
  await cutOff;
  expect(answered).toBe(100);
  socket.destroy();
  server.close();
});
