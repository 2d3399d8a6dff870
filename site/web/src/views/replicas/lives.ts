// The pods of one ReplicaSet or Deployment as lines in time. Pure.

import { whoOf } from "../../lib/component";
import type { History, State, StepAt, Version } from "../../lib/model";
import { isOf } from "../../lib/ref";
import { condition } from "../../lib/select";
import type { Pod, Ref, Step } from "../../lib/types";
import { livesUpTo, whenWritten, type Life } from "../stage/lives";

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
  key: string;
  node: string | undefined;
  made: number;
  /** Undefined: it is there. */
  gone: number | undefined;
  spans: Span[];
  events: Event[];
}

/** Every pod that was ever one of an owner's up to a moment, the oldest first. time is that moment. */
export function linesOf(history: History, now: State, owner: Life, time: number): Line[] {
  const sets = owner.ref.resource === "deployments" ? membersOf(history, now, owner, "replicasets") : [];
  const owners = uidsOf([owner, ...sets]);
  return livesUpTo(history, now, ["pods"])
    .flatMap((life) => lineOf(history, life, owners, time) ?? [])
    .sort((a, b) => a.made - b.made || (a.pod.name < b.pod.name ? -1 : 1));
}

/** The objects of a resource that an owner controls or ever controlled, of those that are gone too. */
export function membersOf(history: History, now: State, owner: Life, resource: string): Life[] {
  const uids = uidsOf([owner]);
  return livesUpTo(history, now, [resource]).filter(({ versions }) => versions.some(({ body }) => body && isOf(body, uids)));
}

const uidsOf = (lives: readonly Life[]) => new Set(lives.flatMap(({ uid }) => uid ?? []));

function lineOf(history: History, life: Life, owners: ReadonlySet<string>, time: number): Line | undefined {
  const { versions, end } = life;
  const mine = (version: Version) => version.body !== undefined && isOf(version.body, owners);
  const last = versions.at(-1)?.body as Pod | undefined;
  if (!last || !versions.some(mine)) return undefined;
  const made = birthOf(history, life);
  const gone = end && (life.steps.findLast(({ step }) => step.verb === "delete")?.time ?? end.time);
  const spans: Span[] = [];
  const events: Event[] = [{ kind: "made", time: made, says: madeBecause(history.step(`r${versions[0]?.revision}`)) }];
  versions.forEach((version, i) => {
    const pod = version.body as Pod;
    const before = spans.at(-1);
    const from = i === 0 ? made : Math.max(before?.from ?? made, whenWritten(history, version));
    const phase = phaseOf(pod, mine(version));
    if (before) before.to = from;
    if (before?.phase !== phase) spans.push({ phase, from, to: from });
    if (i > 0) events.push(...eventsOf(versions[i - 1] as Version, version, mine, from, history));
  });
  const until = spans.at(-1);
  if (until) until.to = gone ?? time;
  if (gone !== undefined) events.push({ kind: "gone", time: gone, says: "nothing is left of it" });
  return { pod: life.ref, key: life.key, node: last.spec.nodeName, made, gone, spans, events };
}

/** When an object was made. What was there before what is known began says it itself, to the second. */
function birthOf(history: History, { versions }: Life): number {
  const first = versions[0];
  if (!first) return 0;
  const born = Date.parse(first.body?.metadata.creationTimestamp ?? "");
  return history.step(`r${first.revision}`) || Number.isNaN(born) ? whenWritten(history, first) : Math.min(born, whenWritten(history, first));
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
export const readyCounts = (lines: readonly Line[]): Count[] => countIn(lines, ["ready"]);

/** How many of the lines were asked for and are not being ended, from each change on. */
export const askedForCounts = (lines: readonly Line[]): Count[] => countIn(lines, ["unbound", "starting", "ready", "unready"]);

function countIn(lines: readonly Line[], phases: readonly Phase[]): Count[] {
  const changes = lines.flatMap(({ spans, gone }) =>
    spans.flatMap(({ phase, from, to }, i) => {
      const goesOn = gone === undefined && i === spans.length - 1;
      return phases.includes(phase) ? [{ time: from, by: 1 }, ...(goesOn ? [] : [{ time: to, by: -1 }])] : [];
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

/** How many were wanted, from each change on; none from the owner's end on. */
export function wantedCounts(history: History, owner: Life): Count[] {
  const counts: Count[] = [];
  const end = owner.end ? [{ value: 0, time: owner.end.time }] : [];
  const wishes = owner.versions.map((version, i) => {
    const { spec } = version.body as { spec?: { replicas?: number } };
    return { value: spec?.replicas ?? 1, time: i === 0 ? birthOf(history, owner) : whenWritten(history, version) };
  });
  for (const wish of [...wishes, ...end]) if (counts.at(-1)?.value !== wish.value) counts.push(wish);
  return counts;
}

interface Rolling {
  replicas?: number;
  strategy?: { type?: string; rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string } };
}

/** The two lines that a roll-out never crosses, from each change on: how many pods at most, and how many ready ones at least. */
export function boundCounts(history: History, owner: Life): { most: Count[]; least: Count[] } {
  const most: Count[] = [];
  const least: Count[] = [];
  if (owner.ref.resource !== "deployments") return { most, least };
  owner.versions.forEach((version, i) => {
    const { replicas = 1, strategy = {} } = (version.body as { spec?: Rolling }).spec ?? {};
    if (strategy.type === "Recreate") return;
    const time = i === 0 ? birthOf(history, owner) : whenWritten(history, version);
    const surge = share(strategy.rollingUpdate?.maxSurge, replicas, Math.ceil);
    const missing = Math.min(share(strategy.rollingUpdate?.maxUnavailable, replicas, Math.floor), replicas);
    const atLeast = surge === 0 && missing === 0 ? replicas - 1 : replicas - missing;
    if (most.at(-1)?.value !== replicas + surge) most.push({ time, value: replicas + surge });
    if (least.at(-1)?.value !== atLeast) least.push({ time, value: Math.max(0, atLeast) });
  });
  return { most, least };
}

/** A number of pods, or that part of the wanted ones; a quarter if nothing is said. */
function share(value: number | string = "25%", of: number, round: (n: number) => number): number {
  return typeof value === "number" ? value : round((parseInt(value) * of) / 100);
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
