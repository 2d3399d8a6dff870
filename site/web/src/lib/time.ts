// Times are milliseconds since 1970, with fractions: a decision takes some microseconds.

/** Reads RFC 3339 with up to nine digits of a second, of which Date would drop all after the third. */
export function millis(text: string): number {
  const fraction = /\.(\d+)(?=Z|[+-])/.exec(text);
  if (!fraction) return Date.parse(text);
  return Date.parse(text.replace(fraction[0], "")) + Number(`0${fraction[0]}`) * 1000;
}

/** A duration as a person reads it: 0.4 ms, 38 ms, 1.24 s, 3 min 05 s. */
export function duration(ms: number): string {
  const size = Math.abs(ms);
  if (size < 9.95) return `${ms.toFixed(1)} ms`;
  if (size < 999.5) return `${Math.round(ms)} ms`;
  if (size < 9_995) return `${(ms / 1000).toFixed(2)} s`;
  if (size < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(size / 1000);
  return `${ms < 0 ? "-" : ""}${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/** The time of day, to the millisecond. */
export function clockTime(ms: number): string {
  const at = new Date(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}
