// A time axis that leaves out the time in which nothing happened. Pure.

/** A piece of time that is drawn in full. */
export interface Piece {
  from: number;
  to: number;
}

/** How long nothing must have happened, at the least, for the axis to be broken; and how long once the pod is settled. */
const shortest = 600;
const shortestLater = 400;

/**
 * Cuts times into pieces at the gaps that would dwarf the rest: those nearly as long as all that is kept together. After
 * the moment from which a pod is settled each longer wait is cut out, so that its creation is not squeezed.
 */
export function piecesOf(times: readonly number[], settled = Infinity): Piece[] {
  const ordered = [...times].sort((a, b) => a - b);
  const gaps = ordered.slice(1).map((time, i) => time - (ordered[i] as number));
  let kept = 0;
  const cuts = new Set<number>();
  for (const [i, gap] of [...gaps.entries()].sort(([, a], [, b]) => a - b)) {
    const later = (ordered[i] as number) >= settled;
    if (later ? gap > shortestLater : gap > shortest && gap > 0.8 * kept) cuts.add(i);
    else kept += gap;
  }
  const pieces: Piece[] = [];
  ordered.forEach((time, i) => {
    const last = pieces.at(-1);
    if (!last || cuts.has(i - 1)) pieces.push({ from: time, to: time });
    else last.to = time;
  });
  return pieces;
}

/** A piece as it is drawn, in pixels. */
export interface Drawn extends Piece {
  left: number;
  right: number;
}

export interface Scale {
  pieces: Drawn[];
  width: number;
  /** Pixels for a millisecond: the same in all pieces. */
  perMs: number;
  x: (time: number) => number;
}

/** How much room a break takes, and a piece at the least; in pixels. */
export interface Room {
  width: number;
  breakWidth: number;
  leastPiece: number;
  /** To the left of the first moment, for its mark. */
  lead: number;
  /** To the right of the last moment, for its label. */
  tail: number;
}

/** One scale for all pieces; it may get wider than the room, where there are many. */
export function scaleOf(times: readonly number[], room: Room, settled?: number): Scale {
  const pieces = piecesOf(times, settled);
  const sum = pieces.reduce((all, piece) => all + (piece.to - piece.from), 0);
  const breaks = Math.max(0, pieces.length - 1) * room.breakWidth;
  const longest = Math.max(...pieces.map((piece) => piece.to - piece.from), 0);
  const least = longest > 0 ? Math.max(room.leastPiece, room.width * 0.4) / longest : 0;
  const perMs = sum > 0 ? Math.max((room.width - room.lead - room.tail - breaks) / sum, least) : 0;
  let left = room.lead;
  const drawn = pieces.map((piece, i) => {
    const right = left + Math.max((piece.to - piece.from) * perMs, i < pieces.length - 1 ? 24 : 0);
    const one = { ...piece, left, right };
    left = right + room.breakWidth;
    return one;
  });
  const end = drawn.at(-1)?.right ?? 0;
  return { pieces: drawn, width: Math.max(room.width, end + room.tail), perMs, x: (time) => place(drawn, perMs, time) };
}

function place(pieces: readonly Drawn[], perMs: number, time: number): number {
  for (const piece of pieces) {
    if (time < piece.from) return piece.left;
    if (time <= piece.to) return piece.left + (time - piece.from) * perMs;
  }
  return pieces.at(-1)?.right ?? 0;
}

export interface Tick {
  x: number;
  text: string;
}

/** Round moments of a piece, counted from its beginning, no nearer to each other than so many pixels. */
export function ticksOf(piece: Drawn, perMs: number, apart: number): Tick[] {
  if (perMs === 0) return [{ x: piece.left, text: "0" }];
  const every = [1, 2, 5].flatMap((n) => [0.1, 1, 10, 100, 1_000, 10_000].map((unit) => n * unit)).sort((a, b) => a - b).find((step) => step * perMs >= apart) ?? 100_000;
  const ticks: Tick[] = [];
  for (let ms = 0; ms <= piece.to - piece.from; ms += every) ticks.push({ x: piece.left + ms * perMs, text: every < 1_000 ? `${Number(ms.toFixed(1))} ms` : `${ms / 1_000} s` });
  return ticks;
}
