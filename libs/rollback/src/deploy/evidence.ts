const MAX = 20_000;

/** What was seen, for the outcome and the reopened ticket: in order, bounded, without the secrets' values. */
export class Evidence {
  readonly #lines: string[] = [];
  readonly #secrets: readonly string[];

  constructor(secrets: Readonly<Record<string, string>>) {
    // Longest first, so that a secret which contains another goes whole. Under 4 characters it would blacken ordinary words.
    this.#secrets = Object.values(secrets)
      .filter((value) => value.length >= 4)
      .sort((a, b) => b.length - a.length);
  }

  add(name: string, text: string): void {
    this.#lines.push(`${name}: ${text}`);
  }

  /** At most 20,000 characters; where it is longer, the end (the log's) is kept and the first line too. */
  text(first: string): string {
    let text = this.#lines.join('\n');
    for (const secret of this.#secrets) text = text.replaceAll(secret, '[secret]');
    for (const secret of this.#secrets) first = first.replaceAll(secret, '[secret]');
    const head = `${first.slice(0, 2_000)}\n`;
    return head + text.slice(-(MAX - head.length));
  }
}
