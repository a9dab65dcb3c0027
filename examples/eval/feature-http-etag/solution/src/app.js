import { createHash } from 'node:crypto';
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
    const etag = `"${createHash('sha256').update(JSON.stringify(item)).digest('base64url')}"`;
    const known = (request.headers['if-none-match'] ?? '')
      .split(',')
      .map((tag) => tag.trim().replace(/^W\//, ''));
    if (known.includes(etag) || known.includes('*')) return response.writeHead(304, { etag }).end();
    return json(200, item, { etag });
  });
