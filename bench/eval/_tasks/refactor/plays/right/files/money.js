export function format(amount) {
  const cents = Math.abs(amount);
  return `${amount < 0 ? "-" : ""}${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`;
}
