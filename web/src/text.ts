// Text from evidence, made safe to look at: control and bidirectional characters are shown, not obeyed.

// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/gu;

/** Replaces characters that would hide or reorder text by a visible name. Line ends and tabs stay. */
export function visible(text: string): string {
  return text.replace(/\r\n/g, "\n").replace(HIDDEN, (letter) => {
    const code = letter.codePointAt(0) ?? 0;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    return `\u27e8U+${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
  });
}

/** The same on one line. */
export function oneLine(text: string): string {
  return visible(text.replace(/\s*[\r\n]+\s*/g, " \u23ce ").replace(/\t/g, " "));
}

export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let [value, unit] = [count, 0];
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return unit === 0 ? `${count} B` : `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit] ?? ""}`;
}

export function count(number: number): string {
  return number.toLocaleString("en-US");
}

/** `1 event`, `2 events`. */
export function plural(number: number, word: string): string {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

// Times are written in one place for the whole page.
export { moment, short, when } from "./clock.js";

/** `26 h 3 min`, `12.5 s`; the sign is for who asks. */
export function span(seconds: number): string {
  const whole = Math.abs(seconds);
  const parts: readonly [number, string][] = [[Math.floor(whole / 86_400), "d"], [Math.floor((whole % 86_400) / 3600), "h"], [Math.floor((whole % 3600) / 60), "min"]];
  const rest = Math.round((whole % 60) * 10) / 10;
  const words = parts.filter(([number]) => number > 0).map(([number, unit]) => `${number} ${unit}`);
  if (rest > 0 && whole < 3600) words.push(`${rest} s`);
  return words.length === 0 ? "0 s" : words.join(" ");
}
