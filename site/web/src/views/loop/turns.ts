// The turns of one loop for one object, read from its steps: what woke it, what it planned, what it did. Pure.

import { roomOf } from "../../lib/component";
import type { History, State, StepAt } from "../../lib/model";
import { keyOf } from "../../lib/ref";
import { get, processes } from "../../lib/select";
import type { Step } from "../../lib/types";
import { membersOf } from "../replicas/lives";
import type { Life } from "../stage/lives";

export type LoopName = "replicasets" | "deployments" | "scheduler";

/** Which loop works on a resource; undefined: none of those that are shown. */
export function loopOfResource(resource: string): LoopName | undefined {
  return resource === "pods" ? "scheduler" : resource === "replicasets" || resource === "deployments" ? resource : undefined;
}

/** Which loop did a step. What owners do to labels is written in one room for all; its plan tells whose it is. */
export function loopOf(step: Step): LoopName | undefined {
  if (step.component === "scheduler") return "scheduler";
  if (step.component !== "controllers") return undefined;
  const room = roomOf(step);
  if (room === "replicasets" || room === "deployments") return room;
  if (room !== "operator" || typeof step.plan !== "object" || step.plan === null) return undefined;
  return "current" in step.plan ? "deployments" : "release" in step.plan || "adopt" in step.plan ? "replicasets" : undefined;
}

export interface Turn {
  id: string;
  /** Undefined: it was not recorded, because it was too long, or because there was nothing to do. */
  plan: unknown;
  /** What woke the loop, the last first. */
  causes: StepAt[];
  acts: StepAt[];
  from: number;
  to: number;
}

/** The turns up to a moment, the newest last. A turn that wrote nothing leaves no trace, unless it was held before. */
export function turnsOf(history: History, now: State, loop: LoopName, object: Life): Turn[] {
  const turns: Turn[] = [];
  const byKey = new Map<string, Turn>();
  for (const at of stepsOf(history, now, loop, object)) {
    const key = at.step.verb === "resume" ? at.step.id : turnKey(at.step);
    const known = byKey.get(key);
    if (known && at.step.verb !== "resume") {
      known.acts.push(at);
      known.plan ??= at.step.plan;
      known.to = Math.max(known.to, at.time);
      continue;
    }
    const acts = at.step.verb === "resume" ? [] : [at];
    const turn: Turn = { id: at.step.id, plan: at.step.plan, causes: causesOf(history, at.step), acts, from: at.time, to: at.time };
    turns.push(turn);
    byKey.set(key, turn);
    // What a held turn did names the step with which it was let go.
    byKey.set(turnKey({ ...at.step, causes: [at.step.id] }), turn);
  }
  return turns;
}

const turnKey = (step: Step) => [...(step.causes ?? [])].sort().join(" ");

/** The loop's own steps for an object, in the order of time. */
function stepsOf(history: History, now: State, loop: LoopName, object: Life): StepAt[] {
  const member = { replicasets: "pods", deployments: "replicasets", scheduler: undefined }[loop];
  const own = ({ step }: StepAt) => step.revision !== undefined && loopOf(step) === loop;
  const gate = ({ step }: StepAt) => step.verb === "resume" && step.detail === loop;
  const members = member ? membersOf(history, now, object, member) : [];
  return [...object.steps.filter((at) => gate(at) || own(at)), ...members.flatMap(({ steps }) => steps.filter(own))].sort((a, b) => a.time - b.time || a.seq - b.seq);
}

function causesOf(history: History, step: Step): StepAt[] {
  return (step.causes ?? [])
    .flatMap((id) => history.step(id) ?? [])
    .filter((cause) => cause.step.verb !== "hold")
    .sort((a, b) => b.time - a.time);
}

/** What waits at the gate of a loop, in the order in which it came: the steps "hold" that no "resume" has followed. */
export function waitingAt(history: History, loop: LoopName, seq: number): StepAt[] {
  const waiting = new Map<string, StepAt>();
  for (const at of history.stepsUpTo(seq)) {
    const { verb, detail, object } = at.step;
    if (detail !== loop) continue;
    if (verb === "hold") waiting.set(keyOf(object), at);
    else if (verb === "resume") waiting.delete(keyOf(object));
  }
  return [...waiting.values()];
}

/** Whether step mode holds a loop. */
export function isHeld(now: State, loop: LoopName): boolean {
  const data = get(now, { resource: "configmaps", namespace: "kube-system", name: "step-mode" })?.data as Record<string, string> | undefined;
  return data?.[loop] !== undefined;
}

/** Where a loop is at a moment. */
export type Stage = "rest" | "queue" | "observe" | "act" | "down";

/** How long after its last word a turn is still shown as going on while time passes, so that it can be seen. */
export const shownFor = 900;

/** Whether a turn goes on: while time passes for a while, and at a moment that stands still until something else is done. */
export function goesOn(turn: Turn, newest: StepAt | undefined, time: number, passes: boolean): boolean {
  if (passes) return time - turn.to <= shownFor;
  return newest?.step.id === turn.id || turn.acts.some(({ step }) => step.id === newest?.step.id);
}

/** going: whether the last of the turns goes on. */
export function stageOf(now: State, loop: LoopName, turns: readonly Turn[], waits: boolean, going: boolean): Stage {
  const component = loop === "scheduler" ? "scheduler" : "controllers";
  const process = processes(now).filter((p) => p.component === component);
  if (process.length > 0 && process.every(({ up }) => !up)) return "down";
  if (waits) return "queue";
  const last = turns.at(-1);
  if (!last || !going) return "rest";
  return last.acts.length > 0 ? "act" : "observe";
}
