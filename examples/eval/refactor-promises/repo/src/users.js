const USERS = new Map([
  ['1', { id: '1', name: 'Ada' }],
  ['2', { id: '2', name: 'Grace' }],
]);

exports.find = (id, done) => {
  setImmediate(() => {
    const user = USERS.get(id);
    if (user === undefined) done(new Error(`no user ${id}`));
    else done(null, user);
  });
};
