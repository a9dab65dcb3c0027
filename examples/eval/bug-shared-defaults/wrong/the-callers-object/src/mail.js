const DEFAULTS = { from: 'shop@example.org', headers: { 'x-mailer': 'shop' } };

exports.message = (to, options = {}) => {
  const headers = options.headers ?? { ...DEFAULTS.headers };
  headers['x-mailer'] ??= DEFAULTS.headers['x-mailer'];
  return { from: options.from ?? DEFAULTS.from, to, headers };
};
