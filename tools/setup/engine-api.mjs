import { request } from 'node:http';

/**
 * Where an engine listens: a socket's path, or a host and port.
 * @typedef {{ socketPath: string } | { host: string, port: number }} Address
 */

/**
 * One call of the Docker Engine API, without a version in the path, so that any engine answers in its own.
 * The answer is read whole, to 16 MiB. `onChunk` sees it as it arrives (progress of a pull).
 * @param {Address} address
 * @param {string} method
 * @param {string} path
 * @param {{ timeoutMs: number, body?: import('node:stream').Readable, type?: string, onChunk?: (text: string) => void, signal?: AbortSignal }} options
 *   `timeoutMs` bounds the whole call
 * @returns {Promise<{ status: number, text: string }>}
 * @throws the socket's error (ENOENT, ECONNREFUSED, EACCES) or a timeout's
 */
export function call(address, method, path, options) {
  return new Promise((resolve, reject) => {
    const limit = AbortSignal.timeout(options.timeoutMs);
    const signal = options.signal === undefined ? limit : AbortSignal.any([limit, options.signal]);
    const sent = request({
      ...address,
      method,
      path,
      signal,
      headers: { host: 'docker', ...contentType(options) },
    });
    sent.once('error', reject);
    sent.once('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (/** @type {string} */ chunk) => {
        if (text.length < 16_777_216) text += chunk;
        options.onChunk?.(chunk);
      });
      answer.once('error', reject);
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    if (options.body === undefined) {
      sent.end();
    } else {
      options.body.once('error', (error) => sent.destroy(error));
      options.body.pipe(sent);
    }
  });
}

/** @param {{ type?: string, body?: unknown }} options @returns {Record<string, string>} */
function contentType(options) {
  return options.body === undefined ? {} : { 'content-type': options.type ?? 'application/x-tar' };
}

/**
 * The error in a progress stream (the engine answers 200 and then says it failed), or null.
 * @param {string} text one JSON object a line
 */
export function streamError(text) {
  for (const line of text.split('\n')) {
    if (!line.includes('"error"')) continue;
    try {
      const event = JSON.parse(line);
      if (typeof event.error === 'string') return event.error;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error; // half a line at the end of a cut stream
    }
  }
  return null;
}
