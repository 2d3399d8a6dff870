// The nine steps of a pod's creation, as chapter 11 counts them, found in its chain. Pure.

import type { StepAt } from "../../lib/model";
import type { Life } from "../stage/lives";
import { mainCause } from "./chain";

export const names = ["Request", "Store", "Decide", "Bind", "Plan", "Sandbox", "Container", "Start", "Endpoint"] as const;
export type PhaseName = (typeof names)[number];

export interface Phase {
  name: PhaseName;
  number: number;
  /** It is over, goes on now, is still to come, or never will. */
  state: "done" | "now" | "ahead" | "never";
  /** Milliseconds since 1970. It begins where the one before it ends. */
  from?: number;
  to?: number;
  /** What was done in it last, and what set that off; no cause: it is a root. */
  by?: StepAt;
  cause?: StepAt;
  /** The revision that it wrote, where that is all there is to it: it takes no time that is known. */
  revision?: number;
}

/** The words with which a kubelet reports that a pod serves. */
export const saysReady = (detail: string | undefined) => /(^|, )Ready is True/.test(detail ?? "");

/**
 * Each phase lasts from the end of the one before to its own last step, so that all of them add up to the whole. Without a
 * service that selects the pod there is no endpoint to wait for.
 */
export function phasesOf(chain: readonly StepAt[], life: Life, served: boolean): Phase[] {
  const ends = endsOf(chain, life);
  const byId = new Map(chain.map((at) => [at.step.id, at]));
  const last = ends.findLastIndex((end) => end !== undefined);
  let from = rootOf(chain, life)?.time ?? 0;
  return names.map((name, i): Phase => {
    const by = ends[i];
    if (!by) {
      const never = i > last && (life.deleted || (name === "Endpoint" && !served));
      const state = i < last ? "done" : never ? "never" : i === last + 1 ? "now" : "ahead";
      return { name, number: i + 1, state, ...(state === "now" && { from }) };
    }
    const to = Math.max(from, by.time);
    const revision = name === "Store" || name === "Bind" ? by.step.revision : undefined;
    const cause = mainCause(by.step, byId);
    const phase: Phase = { name, number: i + 1, state: "done", from, to, by, ...(cause && { cause }), ...(revision !== undefined && { revision }) };
    from = to;
    return phase;
  });
}

/** The last step of each phase; undefined for one that is not over. */
function endsOf(chain: readonly StepAt[], life: Life): (StepAt | undefined)[] {
  const own = life.steps;
  const born = own.find(({ step }) => step.id === life.id);
  const bound = own.find(({ step }) => step.verb === "create binding");
  const started = own.find(({ step }) => step.verb === "start process")?.time ?? Infinity;
  const ready = own.find(({ step }) => step.component === "kubelet" && saysReady(step.detail));
  const before = ready?.time ?? Infinity;
  const plan = own.find(({ step, time }) => step.component === "kubelet" && step.verb === "decide" && time <= started);
  const sandbox = own.find(({ step }) => step.verb === "start shim");
  const roots = own.filter(({ step, time }) => step.verb === "mount rootfs" && time <= before);
  return [born, born, bound, bound, plan, sandbox, own.some(({ step }) => step.verb === "start process") ? roots.at(-1) : undefined, ready, ready && endpointOf(chain, ready)];
}

/** The last rules that were loaded because the pod became ready: they come from the slices that say so. */
function endpointOf(chain: readonly StepAt[], ready: StepAt): StepAt | undefined {
  const causedBy = (causes: readonly StepAt[], resource: string) =>
    chain.filter(({ step }) => step.object.resource === resource && step.causes?.some((id) => causes.some((cause) => cause.step.id === id)));
  const rules = causedBy(causedBy([ready], "endpointslices"), "services");
  return rules.at(-1);
}

/** Where the creation began: at the request, event or clock that its last cause leads back to. */
export function rootOf(chain: readonly StepAt[], life: Life): StepAt | undefined {
  const byId = new Map(chain.map((at) => [at.step.id, at]));
  let at = life.id === undefined ? chain[0] : byId.get(life.id);
  for (let hops = 0; at && hops < 50; hops++) {
    const cause = mainCause(at.step, byId);
    if (!cause) return at;
    at = cause;
  }
  return at;
}
