// What the probes of a container said, as far as anything is known of it: an answer that changes nothing is recorded nowhere. Pure.

import type { History, State } from "../../lib/model";
import { list } from "../../lib/select";
import { millis } from "../../lib/time";
import type { ContainerSpec, KubeObject, Pod, ProbeSpec } from "../../lib/types";
import { whenWritten, type Life } from "../stage/lives";
import { statusOf, type Run } from "../stage/runs";
import { effectsOf, type Effect } from "./effects";

export const kinds = ["startup", "liveness", "readiness"] as const;
export type Kind = (typeof kinds)[number];

/** A probe as its container asks for it. Times are in seconds. */
export interface Probe {
  kind: Kind;
  asks: string;
  delay: number;
  period: number;
  timeout: number;
  /** So many failures in a row count, and so many successes. */
  failures: number;
  successes: number;
}

/** One answer that is known. */
export interface Answer {
  time: number;
  ok: boolean;
  says: string;
  /** Who tells of it: the causal record, or an event, which is all that is left of a failure that changed nothing. */
  from: "record" | "event";
  /** How many of its sort in a row, this one counted. */
  inARow: number;
  /** It changed what is known of the container. */
  counts: boolean;
  effects: Effect[];
}

/** What a probe was at for some time. */
export interface Stretch {
  /** held: it waits for the startup probe. asked: nothing is known by it yet. rests: it is not asked any more. */
  state: "held" | "delay" | "asked" | "success" | "failure" | "rests";
  from: number;
  to: number;
}

export interface Lane {
  probe: Probe;
  answers: Answer[];
  stretches: Stretch[];
}

export function probesOf(spec: ContainerSpec): Probe[] {
  const all: Record<Kind, ProbeSpec | undefined> = { startup: spec.startupProbe, liveness: spec.livenessProbe, readiness: spec.readinessProbe };
  return kinds.flatMap((kind) => {
    const probe = all[kind];
    if (!probe) return [];
    return [{ kind, asks: asksOf(probe), delay: probe.initialDelaySeconds ?? 0, period: probe.periodSeconds ?? 10, timeout: probe.timeoutSeconds ?? 1, failures: probe.failureThreshold ?? 3, successes: probe.successThreshold ?? 1 }];
  });
}

function asksOf({ httpGet, tcpSocket, grpc, exec }: ProbeSpec): string {
  if (httpGet) return `GET :${httpGet.port ?? ""}${httpGet.path ?? "/"}`;
  if (tcpSocket) return `connect :${tcpSocket.port ?? ""}`;
  if (grpc) return `gRPC :${grpc.port ?? ""}`;
  return (exec?.command ?? []).join(" ");
}

/** A lane for each probe of a container. end: until when it is drawn. */
export function lanesOf(history: History, now: State, life: Life, spec: ContainerSpec, runs: readonly Run[], end: number): Lane[] {
  const probes = probesOf(spec);
  const answers = new Map(probes.map((probe) => [probe.kind, answersOf(history, now, life, spec.name, probe, runs)]));
  return probes.map((probe) => {
    const own = answers.get(probe.kind) ?? [];
    const stretches = runs.flatMap((run) => {
      const until = Math.min(run.to ?? end, end);
      const within = ({ time }: { time: number }) => time >= run.from && time <= until;
      const started = spec.startupProbe ? (answers.get("startup")?.find((answer) => answer.ok && within(answer))?.time ?? flipOf(history, life, spec.name, "started", true, run.from, until)) : run.from;
      return stretchesOf(probe, own.filter(within), { from: run.from, until, started, flips: probe.kind === "readiness" ? flipsOf(history, life, spec.name, run.from, until) : [] });
    });
    return { probe, answers: own, stretches };
  });
}

/** Every answer that is known, in the order of time. */
function answersOf(history: History, now: State, life: Life, container: string, probe: Probe, runs: readonly Run[]): Answer[] {
  const begins = `${probe.kind} probe of container ${container} `;
  const recorded = life.steps.flatMap(({ step, time }): Answer[] => {
    if (step.verb !== "probe" || !step.detail?.startsWith(begins)) return [];
    const said = step.detail.slice(begins.length);
    const ok = said === "succeeded";
    const effects = effectsOf(history, step.id, now.seq, container);
    return [{ time, ok, says: ok ? "" : said.replace(/^failed:? ?/, ""), from: "record", inARow: 1, counts: ok, effects }];
  });
  leaveToTheLast(recorded);
  // Of a failure that is in the record the event tells again, a moment later.
  const apart = Math.min(1_000, probe.period * 500);
  const seen = (time: number) => recorded.some((answer) => !answer.ok && Math.abs(answer.time - time) < apart);
  const told = failuresOf(history, now, life, container, probe.kind).filter(({ time }) => !seen(time));
  const all = [...recorded, ...told].sort((a, b) => a.time - b.time);
  count(all, probe, runs);
  return all;
}

/** All failures of a row are causes of what follows from it. It followed when the last of them was there: that one counts. */
function leaveToTheLast(answers: Answer[]): void {
  const later = new Set<string>();
  for (const answer of answers.toReversed()) {
    const own = answer.effects.filter(({ step }) => !later.has(step.id));
    for (const { step } of answer.effects) later.add(step.id);
    if (own.length < answer.effects.length) answer.effects = [];
    if (answer.effects.length > 0) answer.counts = true;
  }
}

/** Numbers the failures in a row. A longer pause than a period has a success in it, which was not recorded. */
function count(answers: Answer[], probe: Probe, runs: readonly Run[]): void {
  const runAt = (time: number) => runs.findLastIndex(({ from }) => from <= time);
  const longest = (probe.period * 1.6 + probe.timeout) * 1_000;
  answers.forEach((answer, i) => {
    const before = answers[i - 1];
    const goesOn = before && before.ok === answer.ok && runAt(before.time) === runAt(answer.time) && answer.time - before.time < longest;
    answer.inARow = goesOn ? before.inARow + 1 : 1;
    const most = answer.ok ? probe.successes : probe.failures;
    // What it led to is sure; how many came before it may have been dropped from the record.
    if (answer.counts && answer.inARow < most) answer.inARow = most;
    if (!answer.ok && answer.inARow === most) answer.counts = true;
    if (answer.inARow > most) answer.counts = false;
  });
}

interface EventBody extends KubeObject {
  reason?: string;
  message?: string;
  count?: number;
  lastTimestamp?: string;
  involvedObject?: { uid?: string; fieldPath?: string };
}

/** The failures that events tell of: each time that the event was counted up, one. */
function failuresOf(history: History, now: State, life: Life, container: string, kind: Kind): Answer[] {
  const begins = `${kind[0]?.toUpperCase()}${kind.slice(1)} probe failed: `;
  return (list(now, "events") as EventBody[])
    .filter(({ reason, involvedObject, message }) => reason === "Unhealthy" && life.uid !== undefined && involvedObject?.uid === life.uid && involvedObject.fieldPath?.endsWith(`{${container}}`) && message?.startsWith(begins))
    .flatMap(({ metadata }) =>
      history.versionsOf({ resource: "events", name: metadata.name, ...(metadata.namespace && { namespace: metadata.namespace }) }, now.seq).flatMap(({ body, seq, time }): Answer[] => {
        const event = body as EventBody | undefined;
        if (!event) return [];
        // One that was there when the history began says itself when it was counted last.
        const when = seq > history.first ? time : millis(event.lastTimestamp ?? "");
        return Number.isNaN(when) ? [] : [{ time: when, ok: false, says: event.message?.slice(begins.length) ?? "", from: "event", inARow: 1, counts: false, effects: [] }];
      }),
    );
}

/** When the status of a container began to say so, within a run. */
function flipOf(history: History, life: Life, name: string, field: "started" | "ready", value: boolean, from: number, to: number): number | undefined {
  const version = life.versions.find((one) => {
    const time = whenWritten(history, one);
    return time >= from && time <= to && statusOf(one.body as Pod | undefined, name)?.[field] === value;
  });
  return version && whenWritten(history, version);
}

/** What the status said of readiness during a run. */
function flipsOf(history: History, life: Life, name: string, from: number, to: number): { time: number; ok: boolean }[] {
  return life.versions.flatMap((version) => {
    const time = whenWritten(history, version);
    const status = statusOf(version.body as Pod | undefined, name);
    return status && time >= from && time < to - 50 ? [{ time, ok: status.ready }] : [];
  });
}

interface Span {
  from: number;
  until: number;
  /** When the startup probe passed. */
  started: number | undefined;
  flips: readonly { time: number; ok: boolean }[];
}

function stretchesOf(probe: Probe, answers: readonly Answer[], { from, until, started, flips }: Span): Stretch[] {
  const stretches: Stretch[] = [];
  let state = "asked" as Stretch["state"];
  let at = from;
  const turn = (to: Stretch["state"], time: number) => {
    if (to === state) return;
    if (time > at) stretches.push({ state, from: at, to: time });
    [state, at] = [to, Math.max(at, time)];
  };
  const begins = probe.kind === "startup" ? from : started;
  if (probe.kind !== "startup" && begins !== from) state = "held";
  if (begins !== undefined) {
    const first = Math.max(begins, from + probe.delay * 1_000);
    if (first > begins) turn("delay", begins);
    if (first < until) turn("asked", first);
    const changes = [...answers.filter(({ counts }) => counts), ...flips.map((flip) => ({ ...flip, counts: false }))].sort((a, b) => a.time - b.time);
    for (const { time, ok, counts } of changes) {
      if (!counts && !ok && state !== "success") continue; // before anything is known the status says not ready
      turn(ok ? (probe.kind === "startup" ? "rests" : "success") : "failure", time);
    }
  }
  if (until > at) stretches.push({ state, from: at, to: until });
  return stretches;
}
