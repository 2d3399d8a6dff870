// Which objects a picture can be about: those that are there, and those that were. Pure.

import type { History, State } from "../../lib/model";
import { keyOf } from "../../lib/ref";
import type { Ref } from "../../lib/types";

export interface Known {
  ref: Ref;
  key: string;
  /** It is there at the moment that is shown. */
  here: boolean;
}

/** All objects of these resources that are known at a moment: who was written to last comes first, what is gone comes after what is here. */
export function known(history: History, now: State, resources: readonly string[]): Known[] {
  const found = new Map<string, Known>();
  const meet = (ref: Ref) => {
    const key = keyOf(ref);
    if (resources.includes(ref.resource) && !found.has(key)) found.set(key, { ref, key, here: now.objects.has(key) });
  };
  const steps = history.stepsUpTo(now.seq);
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i]?.step;
    if (step?.revision !== undefined) meet(step.object);
  }
  for (const { ref } of [...now.objects.values()].reverse()) meet(ref);
  return [...found.values()].sort((a, b) => Number(b.here) - Number(a.here));
}

/** As a person reads it in a list: its name, with its namespace where that is not the usual one. */
export function nameOf({ ref, here }: Known): string {
  const namespace = ref.namespace && ref.namespace !== "default" ? `${ref.namespace}/` : "";
  return `${namespace}${ref.name}${here ? "" : " (gone)"}`;
}
