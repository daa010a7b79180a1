/** The letters of codes: no vowels, so that no words come about, and none that look alike. */
const letters = "BCDFGHJKLMNPQRSTVWXZ";

/** A code as the server shows it, whatever case, spaces or hyphens it was entered with; empty when it is none. */
export function normalise(entered: string): string {
  const bare = entered.toUpperCase().replace(/[\s-]/g, "");
  if (bare.length !== 8 || [...bare].some((letter) => !letters.includes(letter))) return "";
  return `${bare.slice(0, 4)}-${bare.slice(4)}`;
}
