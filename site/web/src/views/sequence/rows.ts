// The containers of a pod as rows in time: what each waited for, how often it ran, and how it ended. Pure.

import type { History } from "../../lib/model";
import { condition } from "../../lib/select";
import type { ContainerStatus, Pod } from "../../lib/types";
import { duration } from "../../lib/time";
import { whenWritten, type Life } from "../stage/lives";
import { membersOf, runsOf, statusOf, type Member, type Role, type Run } from "../stage/runs";

export interface Bar {
  kind: "waits" | "pause" | "runs" | "done" | "failed";
  from: number;
  to: number;
  says: string;
  /** Of a run that ended: with which code. */
  code?: number | undefined;
}

export interface Row {
  name: string;
  role: Role;
  bars: Bar[];
  state: "waits" | "pause" | "runs" | "done" | "failed";
  says: string;
  restarts: number;
}

/** Something that happened to the whole pod. */
export interface Mark {
  time: number;
  says: string;
}

/** What back-off is called in a status. */
const backoff = "CrashLoopBackOff";

/** A row for each container, in the order in which they start. end: the moment that is shown, if the pod is there still. */
export function rowsOf(history: History, life: Life, pod: Pod, end: number): Row[] {
  const members = membersOf(pod);
  const runs = members.map(({ spec }) => runsOf(life, spec.name));
  const until = life.end ? Math.min(life.end.time, end) : end;
  const from = birthOf(life, pod);
  return members.map((member, i) => rowOf(history, life, pod, member, runs[i] ?? [], { from, until, blocker: blockerOf(pod, members, runs, i) }));
}

/** When a pod was made: its first step, or what it says itself. */
export function birthOf(life: Life, pod: Pod): number {
  const born = Date.parse(pod.metadata.creationTimestamp ?? "");
  const first = life.id ? life.steps.find(({ step }) => step.id === life.id)?.time : undefined;
  return first ?? (Number.isNaN(born) ? (life.versions[0]?.time ?? 0) : born);
}

interface Place {
  from: number;
  until: number;
  /** Who has to be through, or to have started, before it. */
  blocker: string | undefined;
}

function rowOf(history: History, life: Life, pod: Pod, { spec, role }: Member, runs: readonly Run[], { from, until, blocker }: Place): Row {
  const bars: Bar[] = [];
  const pauses = pausesOf(history, life, spec.name);
  const gap = (begin: number, finish: number) => {
    if (finish - begin < 1) return;
    const pause = pauses.find((at) => at >= begin - 1_000 && at < finish);
    if (pause !== undefined) bars.push({ kind: "pause", from: begin, to: finish, says: "waits before it is tried again (back-off)" });
    else if (bars.length === 0) bars.push({ kind: "waits", from: begin, to: finish, says: blocker && runs.length === 0 ? `waits for ${blocker}` : "has not started yet" });
  };
  let at = from;
  for (const run of runs) {
    gap(at, run.from);
    const to = run.to ?? until;
    bars.push({ kind: kindOf(run), from: run.from, to, code: run.code, says: `run ${run.attempt + 1}: ${saysOf(run, until)}` });
    at = to;
  }
  const status = statusOf(pod, spec.name);
  const last = runs.at(-1);
  const waits = status?.state?.waiting?.reason;
  if (!life.deleted && (last === undefined || (last.to !== undefined && waits !== undefined))) gap(at, until);
  return { name: spec.name, role, bars, restarts: Math.max(status?.restartCount ?? 0, last?.attempt ?? 0), ...stateOf(last, status, blocker, until, waits === backoff) };
}

const kindOf = ({ to, code }: Run): Bar["kind"] => (to === undefined ? "runs" : code ? "failed" : "done");

function saysOf({ from, to, code, reason }: Run, until: number): string {
  if (to === undefined) return `runs since ${duration(until - from)}`;
  return `${code === undefined ? "ended" : `exit code ${code}`}${reason && reason !== "Completed" && reason !== "Error" ? ` (${reason})` : ""} after ${duration(to - from)}`;
}

function stateOf(last: Run | undefined, status: ContainerStatus | undefined, blocker: string | undefined, until: number, pauses: boolean): Pick<Row, "state" | "says"> {
  if (!last) {
    const reason = status?.state?.waiting?.reason;
    return { state: "waits", says: blocker ? `waits for ${blocker}` : reason ? `waits: ${reason}` : "has not started yet" };
  }
  if (last.to === undefined) return { state: "runs", says: "runs" };
  if (pauses) return { state: "pause", says: `${saysOf(last, until)}, waits for its next try` };
  return { state: kindOf(last) === "failed" ? "failed" : "done", says: saysOf(last, until) };
}

/** The first of the sequence before a container that it has to wait for: an init container that is not through, a sidecar that has not started. */
function blockerOf(pod: Pod, members: readonly Member[], runs: readonly (readonly Run[])[], i: number): string | undefined {
  if (members[i]?.role === "debug") return undefined;
  const blocks = ({ spec, role }: Member, k: number) => {
    const last = runs[k]?.at(-1);
    if (role === "sidecar") return spec.startupProbe ? statusOf(pod, spec.name)?.started !== true : last === undefined;
    return role === "init" && !(last?.to !== undefined && !last.code) && !statusOf(pod, spec.name)?.ready;
  };
  return members.slice(0, i).find(blocks)?.spec.name;
}

/** When it was told that a container waits for its next try. */
function pausesOf(history: History, life: Life, name: string): number[] {
  return life.versions.flatMap((version) => (statusOf(version.body as Pod | undefined, name)?.state?.waiting?.reason === backoff ? [whenWritten(history, version)] : []));
}

/** What happened to the whole pod: its sandboxes, and when it was through with the sequence, and ready. */
export function marksOf(history: History, life: Life, pod: Pod): Mark[] {
  const marks: Mark[] = [{ time: birthOf(life, pod), says: "made" }];
  const boxes = life.steps.filter(({ step }) => step.verb === "create netns");
  boxes.forEach(({ time }, i) => marks.push({ time, says: i === 0 ? "sandbox" : "new sandbox" }));
  let before: Pod | undefined;
  for (const version of life.versions) {
    const now = version.body as Pod | undefined;
    if (!now) continue;
    const time = whenWritten(history, version);
    const turned = (type: string, to: string) => condition(now, type)?.status === to && before !== undefined && condition(before, type)?.status !== to;
    if (turned("Initialized", "True")) marks.push({ time, says: "initialized" });
    if (turned("Ready", "True")) marks.push({ time, says: "ready" });
    if (turned("Ready", "False") && condition(before as Pod, "Ready")?.status === "True") marks.push({ time, says: "not ready" });
    if (now.metadata.deletionTimestamp && !before?.metadata.deletionTimestamp && before) marks.push({ time, says: "is to end" });
    before = now;
  }
  if (life.end) marks.push({ time: life.end.time, says: "gone" });
  return marks.sort((a, b) => a.time - b.time);
}

/** Marks that would be written over each other are one: their words, in order. x and letter, how wide a letter is, are in pixels. */
export function labelsOf(marks: readonly { x: number; says: string }[], letter: number): { x: number; says: string }[] {
  const labels: { x: number; words: string[] }[] = [];
  for (const { x, says } of marks) {
    const near = labels.at(-1);
    if (!near || x > near.x + (written(near.words).length + 1) * letter) labels.push({ x, words: [says] });
    else if (near.words.at(-1) !== says) near.words.push(says);
  }
  return labels.map(({ x, words }) => ({ x, says: written(words) }));
}

const written = (words: readonly string[]) => (words.length > 6 ? `${words.slice(0, 2).join(" · ")} · … · ${words.slice(-2).join(" · ")}` : words.join(" · "));
