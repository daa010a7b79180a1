export function invoice(order) {
  let out = "";
  let sum = 0;
  for (const line of order.lines) {
    let total = line.count * line.cents;
    if (line.count >= 10) total = Math.floor(total * 0.9);
    sum += total;
    const sign = total < 0 ? "-" : "";
    const cents = Math.abs(total);
    out += `${line.name}: ${sign}${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}\n`;
  }
  const sign = sum < 0 ? "-" : "";
  const cents = Math.abs(sum);
  return `${out}Sum: ${sign}${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}\n`;
}
