const USERS = new Map([
  ['1', { id: '1', name: 'Ada' }],
  ['2', { id: '2', name: 'Grace' }],
]);

exports.find = (id, done) => {
  const found = new Promise((resolve, reject) => {
    const user = USERS.get(id);
    if (user === undefined) reject(new Error(`no user ${id}`));
    else resolve(user);
  });
  if (done === undefined) return found;
  found.then((user) => done(null, user)).catch(done);
};
