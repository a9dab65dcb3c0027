import { createServer } from 'node:http';

const ITEMS = new Map([['1', { id: '1', name: 'Kettle' }]]);

export const app = () =>
  createServer((request, response) => {
    const json = (status, body, headers = {}) =>
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(body));
    const item = ITEMS.get(request.url.split('/')[2]);
    if (item === undefined) return json(404, { error: 'no such item' });
    return json(200, item);
  });
