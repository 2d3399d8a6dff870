// A chain of steps as it is drawn: rows in the order of time, joined by lines from cause to effect. Pure.

import { whoOf, type Who } from "./component";
import { millis } from "./time";
import type { Step } from "./types";

export interface Lane {
  /** Its place from the left. */
  at: number;
  who: Who;
}

export interface Row {
  step: Step;
  number: number;
  time: number;
  /** Since the first step, and since the step that set it off. */
  since: number;
  took: number | undefined;
  /** The numbers of the rows that caused it. */
  causes: number[];
  /** Its causes that are not in the chain. */
  unknown: number;
  lane: Lane;
  /** The lane of its main cause, where it branches off from another lane. */
  from: Lane | undefined;
  /** Whether its lane comes from above and goes on below. */
  above: boolean;
  below: boolean;
  /** The lanes of others that pass by. */
  passing: Lane[];
}

/** The rows of a chain. The last of a step's causes in time is its main one: the one that it waited for. */
export function rowsOf(steps: readonly Step[]): Row[] {
  const ordered = steps.map((step) => ({ step, time: millis(step.time) })).sort((a, b) => a.time - b.time);
  const numbers = new Map(ordered.map(({ step }, i) => [step.id, i]));
  const start = ordered[0]?.time ?? 0;
  const causes = ordered.map(({ step }, i) => (step.causes ?? []).map((id) => numbers.get(id)).filter((n) => n !== undefined && n < i) as number[]);
  const main = causes.map((of) => (of.length > 0 ? Math.max(...of) : undefined));
  return lay(
    ordered.map(({ step, time }, i) => ({
      step,
      number: i + 1,
      time,
      since: time - start,
      took: main[i] === undefined ? undefined : time - (ordered[main[i]]?.time ?? time),
      causes: (causes[i] ?? []).map((n) => n + 1).sort((a, b) => a - b),
      unknown: (step.causes?.length ?? 0) - (causes[i]?.length ?? 0),
      lane: { at: 0, who: whoOf(step.component) },
      from: undefined,
      above: false,
      below: false,
      passing: [],
    })),
    main,
  );
}

/** Gives each row a lane: the first effect goes on in its cause's lane, each other one gets a free one. */
function lay(rows: Row[], main: (number | undefined)[]): Row[] {
  const lastEffect = new Map<number, number>();
  main.forEach((cause, i) => cause !== undefined && lastEffect.set(cause, i));
  /** Which row a lane belongs to; undefined: free. */
  const owners: (number | undefined)[] = [];
  rows.forEach((row, i) => {
    const cause = main[i];
    const causeLane = cause === undefined ? undefined : rows[cause]?.lane;
    const goesOn = causeLane !== undefined && owners[causeLane.at] === cause && lastEffect.get(cause as number) === i;
    row.above = goesOn;
    if (goesOn) row.lane.at = causeLane.at;
    else {
      const free = owners.findIndex((owner) => owner === undefined);
      row.lane.at = free < 0 ? owners.length : free;
      row.from = causeLane;
    }
    row.below = lastEffect.has(i);
    owners.forEach((owner, at) => {
      const by = owner === undefined ? undefined : rows[owner];
      if (by && at !== row.lane.at) row.passing.push({ at, who: by.lane.who });
    });
    owners[row.lane.at] = row.below ? i : undefined;
    if (cause !== undefined && !goesOn && lastEffect.get(cause) === i && causeLane && owners[causeLane.at] === cause) owners[causeLane.at] = undefined;
  });
  return rows;
}

/** How many lanes the rows need. */
export function lanesOf(rows: readonly Row[]): number {
  return Math.max(1, ...rows.map((row) => Math.max(row.lane.at, ...row.passing.map((lane) => lane.at)) + 1));
}
