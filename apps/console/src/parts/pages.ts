/** Every page that can be gone to without knowing what for, and what the command line has in its place. `first`: in the bar of a phone too. */
export const PAGES = [
  { to: '/', name: 'Home', sign: '⌂', first: true, command: './millwright digest' },
  { to: '/runs', name: 'Runs', sign: '▸', first: true, command: './millwright run list' },
  { to: '/gates', name: 'Gates', sign: '⊓', first: true, command: './millwright gate list' },
  { to: '/releases', name: 'Releases', sign: '↑', first: true, command: './millwright rollback status' },
  { to: '/trail', name: 'Trail', sign: '≡', first: true, command: './millwright trail show' },
  { to: '/tickets', name: 'Tickets', sign: '¶', first: false, command: './millwright ticket list' },
  { to: '/file', name: 'File a ticket', sign: '+', first: false, command: null },
  { to: '/figures', name: 'Figures', sign: '∿', first: false, command: './millwright metrics' },
  { to: '/autonomy', name: 'Autonomy', sign: '⇡', first: false, command: './millwright autonomy show' },
  { to: '/budgets', name: 'Budgets', sign: '$', first: false, command: './millwright budget show' },
  { to: '/policy', name: 'Policy', sign: '§', first: false, command: './millwright policy show --repo NAME' },
  { to: '/repositories', name: 'Repositories', sign: '▤', first: false, command: './millwright repo list' },
  { to: '/people', name: 'People', sign: '☺', first: false, command: './millwright person list' },
] as const satisfies readonly {
  to: string;
  name: string;
  sign: string;
  first: boolean;
  command: string | null;
}[];
