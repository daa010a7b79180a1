const { scryptSync, timingSafeEqual } = require("node:crypto");

exports.signIn = (users, name, password) => {
  const user = users.get(name);
  if (!user) return false;
  return timingSafeEqual(scryptSync(password, user.salt, 32), user.hash);
};
