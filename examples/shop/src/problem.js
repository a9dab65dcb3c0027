/** What went wrong, for whoever asked: a status of HTTP and a sentence. Anything else that is thrown is a fault of ours: 500. */
export class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.name = 'Problem';
    this.status = status;
  }
}
