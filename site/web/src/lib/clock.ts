// Which moment of the history the pages show. Pure: the time that passed is given.

import type { History } from "./model";

export interface Clock {
  /** live follows the end; playing moves by its speed; paused stays. */
  readonly mode: "live" | "playing" | "paused";
  /** The last frame that is shown. */
  readonly seq: number;
  /** The moment that is shown, in milliseconds since 1970. */
  readonly time: number;
  readonly speed: number;
}

export const speeds = [0.1, 0.25, 1, 4] as const;

// Longer than patience nobody waits for the next step: the clock rests a while after what came last, so that it can be
// seen, passes over what lies between, and goes on a little before what comes. All in the person's time.
const patience = 1_500;
const rest = 800;
const lead = 400;

export const liveClock: Clock = { mode: "live", seq: 0, time: 0, speed: 1 };

/** The clock after some milliseconds of the person's time. A recording is paused where it ends; what is live may go on. */
export function tick(clock: Clock, history: History, passed: number, recording: boolean): Clock {
  switch (clock.mode) {
    case "live":
      return { ...clock, seq: history.last, time: history.lastTime };
    case "paused":
      return scrub(clock, history, clock.seq);
    case "playing": {
      const time = leap(clock, history, Math.max(clock.time, history.firstTime) + passed * clock.speed);
      if (time < history.lastTime) return { ...clock, time, seq: history.seqAt(time) };
      const mode = recording ? "paused" : clock.speed < 1 ? "playing" : "live";
      return { ...clock, mode, time: history.lastTime, seq: history.last };
    }
  }
}

function leap(clock: Clock, history: History, time: number): number {
  const seq = history.seqAt(time);
  const next = history.stepAfter(seq)?.seq;
  const until = (next === undefined ? history.lastTime : history.timeOf(next)) - time;
  const rested = time - history.timeOf(seq) >= rest * clock.speed;
  return rested && until > patience * clock.speed ? time + until - lead * clock.speed : time;
}

/** The frame of the first step after a frame; of the object that it wrote, where that comes at once. */
export function nextStep(history: History, seq: number): number | undefined {
  return written(history, history.stepAfter(seq)?.seq);
}

/** The same of the last step before a frame. */
export function previousStep(history: History, seq: number): number | undefined {
  const before = history.stepBefore(seq)?.seq;
  return before !== undefined && written(history, before) === seq ? written(history, history.stepBefore(before)?.seq) : written(history, before);
}

function written(history: History, step: number | undefined): number | undefined {
  if (step === undefined) return undefined;
  const [by, next] = history.between(step - 1, step + 1);
  return by?.step?.revision !== undefined && next?.object?.revision === by.step.revision ? step + 1 : step;
}

export function scrub(clock: Clock, history: History, seq: number): Clock {
  const at = Math.min(Math.max(seq, history.first), history.last);
  return { ...clock, mode: "paused", seq: at, time: history.timeOf(at) };
}

export function pause(clock: Clock): Clock {
  return { ...clock, mode: "paused" };
}

/** Goes on from what is shown; from the start, where a recording is at its end. */
export function play(clock: Clock, history: History, recording: boolean): Clock {
  if (recording && clock.seq >= history.last) return { ...clock, mode: "playing", seq: history.first, time: history.firstTime };
  return { ...clock, mode: "playing" };
}

/** To choose a slow speed while all is live is to fall behind on purpose. */
export function withSpeed(clock: Clock, speed: number): Clock {
  return { ...clock, speed, mode: clock.mode === "live" && speed < 1 ? "playing" : clock.mode };
}

export function goLive(clock: Clock): Clock {
  return { ...clock, mode: "live", speed: Math.max(1, clock.speed) };
}
