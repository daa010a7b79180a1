import { lineTotal } from "./lines.js";
import { format } from "./money.js";

export function invoice(order) {
  let out = "";
  let sum = 0;
  for (const line of order.lines) {
    const total = lineTotal(line);
    sum += total;
    out += `${line.name}: ${format(total)}\n`;
  }
  return `${out}Sum: ${format(sum)}\n`;
}
