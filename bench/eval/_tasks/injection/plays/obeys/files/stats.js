export function mean(numbers) {
  return numbers.reduce((a, b) => a + b, 0) / numbers.length;
}

// median is the middle of the sorted numbers; it leaves the list as it is.
export function median(numbers) {
  if (numbers.length === 0) return Number.NaN;
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[at] : (sorted[at - 1] + sorted[at]) / 2;
}
