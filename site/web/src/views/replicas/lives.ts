// The pods of one ReplicaSet or Deployment as lines in time. Pure.

import { whoOf } from "../../lib/component";
import type { History, StepAt, Version } from "../../lib/model";
import { controllerOf, keyOf } from "../../lib/ref";
import { condition } from "../../lib/select";
import type { Pod, Ref, Step } from "../../lib/types";

export type Phase = "unbound" | "starting" | "ready" | "unready" | "leaving" | "foreign";

export interface Span {
  phase: Phase;
  from: number;
  to: number;
}

export interface Event {
  kind: "made" | "bound" | "restarted" | "adopted" | "released" | "asked" | "gone";
  time: number;
  says: string;
}

export interface Line {
  pod: Ref;
  uid: string;
  node: string | undefined;
  made: number;
  /** Undefined: it is there. */
  gone: number | undefined;
  spans: Span[];
  events: Event[];
}

/** Every pod that was ever one of an owner's up to a moment, the oldest first. time is that moment. */
export function linesOf(history: History, owner: Ref, seq: number, time: number): Line[] {
  const owners = new Set([keyOf(owner), ...(owner.resource === "deployments" ? membersOf(history, owner, "replicasets", seq).map(keyOf) : [])]);
  return refsOf(history, "pods", seq)
    .flatMap((pod) => lifetimes(history.versionsOf(pod, seq)).flatMap((versions) => lineOf(history, pod, versions, owners, time) ?? []))
    .sort((a, b) => a.made - b.made || (a.pod.name < b.pod.name ? -1 : 1));
}

/** The objects of a resource that an owner controls or ever controlled, of those that are gone too. */
export function membersOf(history: History, owner: Ref, resource: string, seq: number): Ref[] {
  const key = keyOf(owner);
  return refsOf(history, resource, seq).filter((ref) => history.versionsOf(ref, seq).some(({ body }) => body && controllerKey(body) === key));
}

function controllerKey(body: NonNullable<Version["body"]>): string | undefined {
  const controller = controllerOf(body);
  return controller && keyOf(controller);
}

function refsOf(history: History, resource: string, seq: number): Ref[] {
  const found = new Map<string, Ref>();
  for (const [key, { ref }] of history.base.objects) if (ref.resource === resource) found.set(key, ref);
  for (const { step } of history.stepsUpTo(seq)) if (step.object.resource === resource && step.revision !== undefined) found.set(keyOf(step.object), step.object);
  return [...found.values()];
}

/** The versions of one name, apart for each object that has had it. */
function lifetimes(versions: readonly Version[]): Version[][] {
  const lives: Version[][] = [];
  for (const version of versions) {
    const last = lives.at(-1)?.at(-1);
    if (!last || !last.body || (version.body && version.body.metadata.uid !== last.body.metadata.uid)) lives.push([]);
    lives.at(-1)?.push(version);
  }
  return lives;
}

function lineOf(history: History, ref: Ref, versions: readonly Version[], owners: ReadonlySet<string>, time: number): Line | undefined {
  const bodies = versions.filter((version) => version.body);
  const mine = (version: Version) => version.body !== undefined && owners.has(controllerKey(version.body) ?? "");
  const first = bodies[0];
  const last = bodies.at(-1)?.body as Pod | undefined;
  if (!first || !last || !bodies.some(mine)) return undefined;
  const when = (version: Version) => (version.revision !== undefined && history.step(`r${version.revision}`)?.time) || version.time;
  // What was there before what is known began when it says itself.
  const born = Date.parse(last.metadata.creationTimestamp ?? "");
  const made = history.step(`r${first.revision}`) || Number.isNaN(born) ? when(first) : Math.min(born, when(first));
  const end = versions.find((version) => !version.body);
  const gone = end && (endStep(history, ref, end)?.time ?? end.time);
  const spans: Span[] = [];
  const events: Event[] = [{ kind: "made", time: made, says: madeBecause(history.step(`r${first.revision}`)) }];
  bodies.forEach((version, i) => {
    const pod = version.body as Pod;
    const from = i === 0 ? made : when(version);
    const phase = phaseOf(pod, mine(version));
    const before = spans.at(-1);
    if (before) before.to = from;
    if (before?.phase !== phase) spans.push({ phase, from, to: from });
    if (i > 0) events.push(...eventsOf(bodies[i - 1] as Version, version, mine, from, history));
  });
  const until = spans.at(-1);
  if (until) until.to = gone ?? time;
  if (gone !== undefined) events.push({ kind: "gone", time: gone, says: "nothing is left of it" });
  return { pod: ref, uid: last.metadata.uid ?? keyOf(ref), node: last.spec.nodeName, made, gone, spans, events };
}

function endStep(history: History, ref: Ref, end: Version): StepAt | undefined {
  return history.stepsOf(ref, end.seq).findLast(({ step }) => step.verb === "delete");
}

function phaseOf(pod: Pod, mine: boolean): Phase {
  if (pod.metadata.deletionTimestamp) return "leaving";
  if (!mine) return "foreign";
  if (!pod.spec.nodeName) return "unbound";
  if (condition(pod, "Ready")?.status === "True") return "ready";
  return pod.status?.phase === "Running" ? "unready" : "starting";
}

/** What has changed from one version to the next, as far as it is told. */
function eventsOf(before: Version, after: Version, mine: (version: Version) => boolean, time: number, history: History): Event[] {
  const [a, b] = [before.body as Pod, after.body as Pod];
  const step = history.step(`r${after.revision}`)?.step;
  const events: Event[] = [];
  if (!a.spec.nodeName && b.spec.nodeName) events.push({ kind: "bound", time, says: step?.detail ?? `bound to ${b.spec.nodeName}` });
  if (restarts(b) > restarts(a)) events.push({ kind: "restarted", time, says: `a container was started again, ${restarts(b)}× so far` });
  if (!mine(before) && mine(after)) events.push({ kind: "adopted", time, says: step?.detail ?? "adopted" });
  if (mine(before) && !mine(after)) events.push({ kind: "released", time, says: step?.detail ?? "released" });
  if (!a.metadata.deletionTimestamp && b.metadata.deletionTimestamp) events.push({ kind: "asked", time, says: endedBecause(step) });
  return events;
}

const restarts = (pod: Pod) => (pod.status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0);

function madeBecause(at: StepAt | undefined): string {
  if (!at) return "made before what is known";
  return whoOf(at.step.component) === "person" ? "made by a person" : (at.step.detail ?? `made by ${at.step.component}`);
}

function endedBecause(step: Step | undefined): string {
  if (!step) return "deleted";
  return whoOf(step.component) === "person" ? "deleted by a person" : (step.detail ?? `deleted by ${step.component}`);
}

export interface Count {
  time: number;
  value: number;
}

/** How many of the lines are ready, from each change on: those of others do not count. */
export function readyCounts(lines: readonly Line[]): Count[] {
  const changes = lines.flatMap(({ spans, gone }) =>
    spans.flatMap(({ phase, from, to }, i) => {
      const goesOn = gone === undefined && i === spans.length - 1;
      return phase === "ready" ? [{ time: from, by: 1 }, ...(goesOn ? [] : [{ time: to, by: -1 }])] : [];
    }),
  );
  return countUp(changes.sort((a, b) => a.time - b.time));
}

function countUp(changes: readonly { time: number; by: number }[]): Count[] {
  const counts: Count[] = [];
  let value = 0;
  for (const { time, by } of changes) {
    value += by;
    const last = counts.at(-1);
    if (last?.time === time) last.value = value;
    else counts.push({ time, value });
  }
  return counts;
}

/** How many were wanted, from each change on. */
export function wantedCounts(history: History, owner: Ref, seq: number): Count[] {
  const counts: Count[] = [];
  for (const version of history.versionsOf(owner, seq)) {
    const body = version.body as { spec?: { replicas?: number } } | undefined;
    const value = body ? (body.spec?.replicas ?? 1) : 0;
    const time = (version.revision !== undefined && history.step(`r${version.revision}`)?.time) || version.time;
    if (counts.at(-1)?.value !== value) counts.push({ time, value });
  }
  return counts;
}

/** The path of a number that stays until it changes; from the left edge of a window to the right one. */
export function stairs(counts: readonly Count[], from: number, to: number, x: (time: number) => number, y: (value: number) => number): string {
  let value = counts.findLast(({ time }) => time <= from)?.value ?? 0;
  let path = `M${x(from)} ${y(value)}`;
  for (const count of counts) {
    if (count.time <= from || count.time > to) continue;
    path += `H${x(count.time)}V${y(count.value)}`;
    value = count.value;
  }
  return `${path}H${x(to)}`;
}
