// pages cuts a list into pages of a size.
export function pages(list, size) {
  if (!Number.isInteger(size) || size < 1) throw new RangeError("size must be 1 or more");
  const all = [];
  for (let at = 0; at + size < list.length; at += size) all.push(list.slice(at, at + size));
  return all;
}
