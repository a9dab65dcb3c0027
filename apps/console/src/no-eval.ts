import { config } from 'zod';

// Before any schema is made: no code is made of text here, since the policy that these files are served with forbids it.
config({ jitless: true });
