/** What proofs need of the place they run in. `#platform` is Node's own where there is Node, and @noble's in a browser: all of it synchronous. */
export type Platform = {
  /** 32 bytes, FIPS 180-4. A text is taken as UTF-8. */
  sha256(data: string | Uint8Array): Uint8Array;
  /** The same as 64 lower-case hex digits. */
  sha256Hex(data: string | Uint8Array): string;
  /** RFC 8032. Keys are 32 bytes, signatures 64. */
  ed25519: {
    verifier(publicKey: Uint8Array): (message: Uint8Array, signature: Uint8Array) => boolean;
    signer(seed: Uint8Array): (message: Uint8Array) => Uint8Array;
    publicKey(seed: Uint8Array): Uint8Array;
    newSeed(): Uint8Array;
  };
};
