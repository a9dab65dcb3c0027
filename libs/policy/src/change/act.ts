/** An act in a patch that no later one takes back. `statement` is its kind; `what` says it in words, where they can be had: "drops column `weight`". */
export type Irreversible = { path: string; line: number; statement: string; what?: string };
