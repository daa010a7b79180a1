import { celsius, fahrenheit } from "./convert.js";

const [number, unit] = process.argv.slice(2);
const convert = { F: celsius, C: fahrenheit }[unit];
if (!convert || !number || Number.isNaN(Number(number))) {
  console.error("usage: node cli.js NUMBER F|C");
  process.exit(2);
}
console.log(convert(Number(number)));
