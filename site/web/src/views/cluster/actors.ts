import { actor, isBookkeeping, whoOf, type Who } from "../../lib/component";
import type { History, StepAt } from "../../lib/model";
import { keyOf } from "../../lib/ref";
import type { Frame, Step } from "../../lib/types";

/** The tile on which a step is drawn: "scheduler", "kubelet@node-1", or "person" for who is no part of the cluster. */
export function tileOf(step: Step): string {
  const who = whoOf(step.component);
  if (who === "person") return "person";
  return step.host ? `${who}@${step.host}` : who;
}

/** What each tile did last, up to a moment, but for what the lab itself keeps: of the newest steps only, since a picture has room for few words. */
export function lastDeeds(history: History, seq: number): ReadonlyMap<string, Step> {
  const steps = history.stepsUpTo(seq);
  const deeds = new Map<string, Step>();
  for (let i = steps.length - 1; i >= 0 && i > steps.length - 400; i--) {
    const { step } = steps[i] as StepAt;
    const tile = tileOf(step);
    if (!deeds.has(tile) && !isBookkeeping(step)) deeds.set(tile, step);
  }
  return deeds;
}

/** A message between two tiles. */
export interface Spark {
  id: string;
  from: string;
  to: string;
  who: Who;
  /** A watch event wakes somebody; a write follows. */
  kind: "watch" | "write" | "pulse";
  label: string;
}

/**
 * What flies when these frames come into view. Components meet only through the API server: a cause that was a write
 * reaches whom it woke as a watch event, and what he writes goes there in turn. What a node does beside the API is a pulse.
 */
export function sparksOf(history: History, frames: readonly Frame[], most = 24): Spark[] {
  const sparks: Spark[] = [];
  for (const { step } of frames.slice(-4 * most)) {
    if (!step || isBookkeeping(step)) continue;
    const [tile, who, label] = [tileOf(step), whoOf(step.component), labelOf(step)];
    if (step.revision === undefined) {
      sparks.push({ id: step.id, from: tile, to: tile, who, kind: "pulse", label });
      continue;
    }
    if ((step.causes ?? []).some((id) => history.step(id)?.step.revision !== undefined) && tile !== "person") {
      sparks.push({ id: `${step.id}-watch`, from: "apiserver", to: tile, who: "apiserver", kind: "watch", label: "" });
    }
    sparks.push({ id: step.id, from: tile, to: "apiserver", who, kind: "write", label });
    sparks.push({ id: `${step.id}-store`, from: "apiserver", to: "etcd", who: "etcd", kind: "write", label: "" });
  }
  return sparks.slice(-most);
}

export function labelOf(step: Step): string {
  return `${step.verb} ${keyOf({ resource: step.object.resource, name: step.object.name })}`;
}

/** A whole sentence about a step, for who cannot see it fly. */
export function sentenceOf(step: Step): string {
  return `${actor(step)}: ${labelOf(step)}${step.detail ? `, ${step.detail}` : ""}`;
}
