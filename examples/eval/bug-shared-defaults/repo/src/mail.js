const DEFAULTS = { from: 'shop@example.org', headers: { 'x-mailer': 'shop' } };

exports.message = (to, options = {}) => {
  const made = { ...DEFAULTS, to };
  if (options.from) made.from = options.from;
  Object.assign(made.headers, options.headers);
  return made;
};
