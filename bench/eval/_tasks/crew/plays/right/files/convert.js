const checked = (n) => {
  if (typeof n !== "number" || !Number.isFinite(n)) throw new TypeError(`${n} is no finite number`);
  return n;
};
const rounded = (n) => Math.round(n * 10) / 10;

export const celsius = (f) => rounded(((checked(f) - 32) * 5) / 9);
export const fahrenheit = (c) => rounded((checked(c) * 9) / 5 + 32);
