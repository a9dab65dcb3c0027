const USERS = new Map([
  ['1', { id: '1', name: 'Ada' }],
  ['2', { id: '2', name: 'Grace' }],
]);

const withCallback = (id, done) => {
  setImmediate(() => {
    const user = USERS.get(id);
    if (user === undefined) done(new Error(`no user ${id}`));
    else done(null, user);
  });
};

exports.find = (id, done) => {
  if (done !== undefined) return withCallback(id, done);
  return new Promise((resolve, reject) => {
    withCallback(id, (error, user) => (error ? reject(error) : resolve(user)));
  });
};
