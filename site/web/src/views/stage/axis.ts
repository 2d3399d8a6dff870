// A window of time, and the round moments in it. Pure.

export interface Window {
  from: number;
  to: number;
}

/** The window that ends now, of so many milliseconds (0: from the start on), with some air on both sides. */
export function windowOf(start: number, end: number, wanted: number): Window {
  const span = wanted > 0 ? wanted : Math.max(2_000, end - start);
  return { from: end - span * 1.02, to: end + span * 0.02 };
}

/** Where a moment lies, in percent of the width. */
export const percentOf = ({ from, to }: Window, time: number) => Math.min(100, Math.max(0, ((time - from) / (to - from)) * 100));

/** The round moments in a window that is so many pixels wide: far enough from each other to be read. */
export function momentsOf({ from, to }: Window, width: number): number[] {
  const every = 1_000 * ([1, 2, 5, 10, 20, 30, 60, 120, 300, 600].find((s) => ((s * 1_000) / (to - from)) * width >= 90) ?? 1_200);
  const first = Math.ceil(from / every) * every;
  const room = (36 / Math.max(width, 1)) * (to - from);
  return Array.from({ length: Math.max(0, Math.floor((to - first) / every) + 1) }, (_, i) => first + i * every).filter((at) => at > from + room && at < to - room);
}
