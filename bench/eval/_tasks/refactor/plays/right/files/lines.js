export function lineTotal(line) {
  const total = line.count * line.cents;
  return line.count >= 10 ? Math.floor(total * 0.9) : total;
}
