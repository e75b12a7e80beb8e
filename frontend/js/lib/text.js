// How scripts write what the server writes too: the same words from the same numbers.

const UNITS = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
];

/** A length of time in its two largest units; hours and days have two, the rest one. */
export function span(ms) {
  const parts = UNITS.map(([length, unit], place) => [
    Math.floor(place === 0 ? ms / length : (ms % UNITS[place - 1][0]) / length),
    unit,
  ]);
  const found = parts.findIndex(([number]) => number > 0);
  const first = found < 0 ? parts.length - 1 : found;
  return parts
    .slice(first, first + (first >= 2 ? 1 : 2))
    .map(([number, unit]) => `${number} ${unit}`)
    .join(" ");
}

export function ago(ms) {
  if (ms < -1_000) return `in ${span(-ms)}`;
  return ms < 1_000 ? "now" : `${span(ms)} ago`;
}

/** Halves go to the even neighbour, as they do on the server. */
function round(number) {
  const down = Math.floor(number);
  if (number - down !== 0.5) return Math.round(number);
  return down % 2 === 0 ? down : down + 1;
}

export const count = (number) => round(number).toLocaleString("en-GB");

/** A measurement with three digits or so. */
export function figure(value) {
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  if (digits === 0) return count(value);
  return value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A share of a hundred in steps of five, for which the style sheet has rules; 0 where `full` is not known. */
export const fillOf = (bytes, full) => (full ? Math.max(5, Math.min(100, 5 * round((20 * bytes) / full))) : 0);

/** The lowest and the highest fee rate of some payments, in base units for 1,000 bytes. */
export function rates(span) {
  const known = [...new Set(span)].filter((rate) => rate !== null).map(count);
  return known.length > 0 ? `${known.join("–")} /kB` : "no fees";
}

const UNITS_IN_COIN = 100_000_000n;

/** Base units as coins: 1,234.5. */
export function coins(units) {
  const value = BigInt(units);
  const whole = (value < 0n ? -value : value) / UNITS_IN_COIN;
  const rest = (value < 0n ? -value : value) % UNITS_IN_COIN;
  const fraction = rest.toString().padStart(8, "0").replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${whole.toLocaleString("en-GB")}${fraction ? `.${fraction}` : ""}`;
}

export function size(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  let place = 0;
  let value = bytes;
  while (Math.abs(value) >= 1000 && place < units.length - 1) {
    value /= 1000;
    place += 1;
  }
  return place === 0 ? `${count(value)} B` : `${value.toLocaleString("en-GB", { minimumFractionDigits: 2, maximumFractionDigits: 2 })} ${units[place]}`;
}

export function short(text) {
  return text.length <= 17 ? text : `${text.slice(0, 8)}…${text.slice(-8)}`;
}
