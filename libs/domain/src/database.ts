/**
 * The folder of a Unix socket, where a postgres:// address has one in the place of its host (`postgres://role@%2Frun%2Fdb:5432/name`: libpq
 * manual, 32.1.1.2). pg reads it there by itself; postgres.js (3.4.9) takes it as this option only. Nothing for any other address.
 */
export function socketHost(url: string): { host?: string } {
  if (!URL.canParse(url)) return {};
  const { hostname } = new URL(url);
  return /^%2f/i.test(hostname) ? { host: decodeURIComponent(hostname) } : {};
}
