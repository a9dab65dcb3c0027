export type { RequestLine } from './request-log.ts';
export { type Conversation, loadScripts, parseScript } from './script.ts';
export { type RecordedServer, startRecorded } from './server.ts';
