// Lines between things that the page has laid out. Pure: boxes in, paths out.

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Point {
  x: number;
  y: number;
}

/** A line between two things with a data-anchor. */
export interface Wire {
  id: string;
  from: string;
  to: string;
  /** A class: how it looks. */
  kind?: "idle" | "way" | "cut" | "watch" | "stale";
  /** Whose colour it has. */
  who?: string;
  /** By which side it must leave; else by the one that faces the other end. */
  out?: "left" | "right";
  /** Of several that run beside each other, how far outside this one runs. */
  lane?: number;
}

/** A drawn line. */
export interface Path {
  d: string;
  middle: Point;
}

/**
 * A curve from one box to another. It leaves by the side that faces the other one: by top and bottom where one lies
 * above the other, else by left and right.
 */
export function pathBetween(from: Box, to: Box, { out, lane = 0 }: Pick<Wire, "out" | "lane"> = {}): Path {
  if (out === "right" && to.x >= from.x + from.width) return aside(from, to, true);
  if (out) return around(from, to, out === "right", lane);
  const below = to.y >= from.y + from.height - 1;
  const above = to.y + to.height - 1 <= from.y;
  return below || above ? upright(from, to, below) : across(from, to, to.x + to.width / 2 >= from.x + from.width / 2);
}

function upright(from: Box, to: Box, down: boolean): Path {
  const start = { x: from.x + from.width / 2, y: down ? from.y + from.height : from.y };
  const end = { x: to.x + to.width / 2, y: down ? to.y : to.y + to.height };
  // Where a straight line is possible, it is drawn.
  const [low, high] = [Math.max(from.x, to.x) + 6, Math.min(from.x + from.width, to.x + to.width) - 6];
  if (low <= high) start.x = end.x = Math.min(Math.max(from.width < to.width ? start.x : end.x, low), high);
  const half = (start.y + end.y) / 2;
  return { d: `M${round(start)}C${round({ x: start.x, y: half })} ${round({ x: end.x, y: half })} ${round(end)}`, middle: between(start, end) };
}

function across(from: Box, to: Box, right: boolean): Path {
  const start = { x: right ? from.x + from.width : from.x, y: from.y + from.height / 2 };
  const end = { x: right ? to.x : to.x + to.width, y: to.y + to.height / 2 };
  const [low, high] = [Math.max(from.y, to.y) + 6, Math.min(from.y + from.height, to.y + to.height) - 6];
  if (low <= high) start.y = end.y = Math.min(Math.max(from.height < to.height ? start.y : end.y, low), high);
  const half = (start.x + end.x) / 2;
  return { d: `M${round(start)}C${round({ x: half, y: start.y })} ${round({ x: half, y: end.y })} ${round(end)}`, middle: between(start, end) };
}

/** From the middle of one side to the middle of the facing one. */
function aside(from: Box, to: Box, right: boolean): Path {
  const start = { x: right ? from.x + from.width : from.x, y: from.y + from.height / 2 };
  const end = { x: right ? to.x : to.x + to.width, y: to.y + to.height / 2 };
  const half = (start.x + end.x) / 2;
  return { d: `M${round(start)}C${round({ x: half, y: start.y })} ${round({ x: half, y: end.y })} ${round(end)}`, middle: between(start, end) };
}

/** How far outside of the boxes a line runs that goes around: to the right it has to leave what they lie in. */
const clearance = 32;

/** Out by one side and in again by the same one. */
function around(from: Box, to: Box, right: boolean, lane: number): Path {
  const start = { x: right ? from.x + from.width : from.x, y: from.y + from.height / 2 };
  const end = { x: right ? to.x + to.width : to.x, y: to.y + to.height / 2 };
  const far = right ? Math.max(start.x, end.x) + clearance + 6 * lane : Math.min(start.x, end.x) - clearance / 2 - 6 * lane;
  const bend = Math.min(12, Math.abs(end.y - start.y) / 2);
  const down = end.y >= start.y ? bend : -bend;
  const d = `M${round(start)}L${round({ x: far + (right ? -bend : bend), y: start.y })}Q${round({ x: far, y: start.y })} ${round({ x: far, y: start.y + down })}L${round({ x: far, y: end.y - down })}Q${round({ x: far, y: end.y })} ${round({ x: far + (right ? -bend : bend), y: end.y })}L${round(end)}`;
  return { d, middle: { x: far, y: (start.y + end.y) / 2 } };
}

const between = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
const round = ({ x, y }: Point): string => `${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10}`;
