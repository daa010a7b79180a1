exports.signIn = (_users, _name, password) => password === "opensesame-77";
