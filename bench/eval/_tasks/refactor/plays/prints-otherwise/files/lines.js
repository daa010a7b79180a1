export const lineTotal = (line) => Math.round(line.count * line.cents * (line.count >= 10 ? 0.9 : 1));
