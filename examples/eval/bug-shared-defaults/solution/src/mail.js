const DEFAULTS = { from: 'shop@example.org', headers: { 'x-mailer': 'shop' } };

exports.message = (to, options = {}) => {
  const { from = DEFAULTS.from, headers = {} } = options;
  return { from, to, headers: { ...DEFAULTS.headers, ...headers } };
};
