import fc from 'fast-check';

// Signatures in pure JavaScript take a hundred times as long as OpenSSL's, and Node has drawn a hundred of each already.
fc.configureGlobal({ numRuns: 10 });
