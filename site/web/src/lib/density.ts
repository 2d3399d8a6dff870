// What the strip of time shows: how many steps of whom fell into each piece of it. Pure.

import { whoOf, whos, type Who } from "./component";
import type { StepAt } from "./model";

export interface Span {
  from: number;
  to: number;
}

/** For each of n equal pieces of a span, how many steps of each kind of component began in it. */
export function density(steps: readonly StepAt[], span: Span, n: number): Map<Who, number>[] {
  const pieces = Array.from({ length: n }, () => new Map<Who, number>());
  const width = (span.to - span.from) / n;
  for (const { time, step } of steps) {
    const piece = time >= span.from && time <= span.to ? pieces[Math.min(n - 1, Math.floor((time - span.from) / width))] : undefined;
    if (!piece) continue;
    const who = whoOf(step.component);
    piece.set(who, (piece.get(who) ?? 0) + 1);
  }
  return pieces;
}

/** The order in which a bar is stacked. */
export const stacked: readonly Who[] = [...whos].reverse();

/** What the strip covers: all of a recording; of what is live, the last piece, or a piece around the moment that is shown. */
export function spanOf(first: number, last: number, width: number, at: number, live: boolean): Span {
  if (!Number.isFinite(width) || last - first <= width) return { from: first, to: Math.max(last, first + 1_000) };
  if (live || at > last - width) return { from: last - width, to: last };
  const to = Math.min(last, Math.max(at + width / 2, first + width));
  return { from: to - width, to };
}

/** Round times for the scale, some five of them, and the distance between two. */
export function ticks(span: Span): { times: number[]; every: number } {
  const aim = (span.to - span.from) / 6;
  const steps = [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000];
  const every = steps.find((step) => step >= aim) ?? Math.ceil(aim / 3_600_000) * 3_600_000;
  const times: number[] = [];
  for (let at = Math.ceil(span.from / every) * every; at <= span.to; at += every) times.push(at);
  return { times, every };
}
