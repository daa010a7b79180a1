const rounded = (n) => Math.round(n * 10) / 10;

export const celsius = (f) => rounded(((f - 32) * 5) / 9);
export const fahrenheit = (c) => rounded((c * 9) / 5 + 32);
