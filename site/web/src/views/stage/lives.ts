// Which objects a picture can be about: those that are there, and those that were. A name can be given again after its object is
// gone; so what is chosen is one life, which is one uid. Pure.

import type { History, State, StepAt, Version } from "../../lib/model";
import { keyOf } from "../../lib/ref";
import { clockTime } from "../../lib/time";
import type { KubeObject, Ref } from "../../lib/types";

/** One object, from its creation to its end. */
export interface Life {
  ref: Ref;
  /** Tells it from all others, those of the same name too. */
  key: string;
  /** Undefined: its object is not known, but only what was done to it. */
  uid: string | undefined;
  /** The step that created it; undefined where that was before what is known. */
  id: string | undefined;
  /** What was done to it, in the order of time. */
  steps: readonly StepAt[];
  /** What it has been. */
  versions: readonly Version[];
  deleted: boolean;
  /** The version without a body that ended it, where that is known. */
  end: Version | undefined;
}

/** A life as far as its versions and its birth tell. */
interface Span {
  birth?: StepAt;
  uid?: string | undefined;
  versions: Version[];
  end?: Version;
}

/** Every life that a name has had up to a moment, the newest first. */
export function livesOf(history: History, ref: Ref, seq: number): Life[] {
  const steps = [...history.stepsOf(ref, seq)].sort((a, b) => a.time - b.time || a.seq - b.seq);
  const spans = spansOf(history.versionsOf(ref, seq), steps.filter(isBirth));
  const from = (span: Span | undefined) => span?.birth?.time ?? span?.versions[0]?.time ?? Infinity;
  if (spans.length === 0 && steps.length > 0) spans.push({ versions: [] });
  return spans
    .map((span, i): Life => {
      const [begin, until] = [i === 0 && !span.birth ? -Infinity : from(span), from(spans[i + 1])];
      const own = steps.filter(({ time }) => time >= begin && time < until);
      // Of an object that is about to be told of, only the step is there yet.
      const coming = span.versions.length === 0 && (span.birth?.seq ?? 0) > history.first;
      const deleted = i < spans.length - 1 || span.end !== undefined || (span.versions.length === 0 && !coming);
      return { ref, key: `${keyOf(ref)}#${span.uid ?? span.birth?.step.id ?? ""}`, uid: span.uid, id: span.birth?.step.id, steps: own, versions: span.versions, deleted, end: span.end };
    })
    .reverse();
}

const isBirth = ({ step }: StepAt) => step.verb === "create" && step.revision !== undefined;

/**
 * Puts versions and births together: a step and the object that it wrote come one after the other, in either order. What was
 * there when the history began came all at once: there the revisions tell what was first.
 */
function spansOf(versions: readonly Version[], births: readonly StepAt[]): Span[] {
  const spans: Span[] = [];
  const events = [
    ...versions.map((version) => ({ seq: version.seq, revision: version.revision ?? 0, version, birth: undefined })),
    ...births.map((birth) => ({ seq: birth.seq, revision: birth.step.revision ?? 0, version: undefined, birth })),
  ];
  for (const { version, birth } of events.sort((a, b) => a.seq - b.seq || a.revision - b.revision)) {
    const last = spans.at(-1);
    if (birth) {
      if (last && last.versions[0]?.revision === birth.step.revision) last.birth = birth;
      else spans.push({ birth, versions: [] });
    } else if (!version.body) {
      const ends = spans.findLast((span) => span.versions.length > 0);
      if (ends) ends.end ??= version;
    } else if (last && !last.end && (last.uid ?? version.body.metadata.uid) === version.body.metadata.uid) {
      last.uid = version.body.metadata.uid;
      last.versions.push(version);
    } else spans.push({ uid: version.body.metadata.uid, versions: [version] });
  }
  return spans;
}

/** All lives of these resources that are known at a moment: who was written to last comes first, what is gone comes after what is here. */
export function livesUpTo(history: History, now: State, resources: readonly string[]): Life[] {
  const refs = new Map<string, Ref>();
  const meet = (ref: Ref) => {
    if (resources.includes(ref.resource) && !refs.has(keyOf(ref))) refs.set(keyOf(ref), ref);
  };
  const steps = history.stepsUpTo(now.seq);
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i]?.step;
    if (step?.revision !== undefined) meet(step.object);
  }
  for (const { ref } of [...now.objects.values()].reverse()) meet(ref);
  for (const { ref } of history.base.objects.values()) meet(ref);
  return [...refs.values()].flatMap((ref) => livesOf(history, ref, now.seq)).sort((a, b) => Number(a.deleted) - Number(b.deleted));
}

/** The life that was picked; else the newest of the name that is asked for; else, where none is asked for, the first. */
export function choose(lives: readonly Life[], asked: Ref | undefined, picked: string | undefined): Life | undefined {
  const key = asked && keyOf(asked);
  return lives.find((life) => life.key === picked) ?? lives.find(({ ref }) => key === undefined || keyOf(ref) === key);
}

/** When a version was written, as far as the step of its write is known; else when it was told. */
export const whenWritten = (history: History, version: Version) => (version.revision !== undefined && history.step(`r${version.revision}`)?.time) || version.time;

/** The last that is known of it. */
export function lastBody(life: Life | undefined): KubeObject | undefined {
  return life?.versions.at(-1)?.body;
}

/** As a person reads it in a list: its name, with its namespace where that is not the usual one, and whether it is deleted. */
export function nameOf({ ref, deleted, end }: Life): string {
  const namespace = ref.namespace && ref.namespace !== "default" ? `${ref.namespace}/` : "";
  return `${namespace}${ref.name}${deleted ? ` (deleted${end ? ` ${clockTime(end.time).slice(0, 8)}` : ""})` : ""}`;
}
