// How often a container ran, and how each of its runs ended. The steps of the node tell it to the millisecond; what they leave out
// stands in the pod's status, to the second. Pure.

import type { StepAt } from "../../lib/model";
import type { ContainerSpec, ContainerStatus, Pod } from "../../lib/types";
import type { Life } from "./lives";

export type Role = "init" | "sidecar" | "main" | "debug";

/** A container of a pod, in the order in which they come. */
export interface Member {
  spec: ContainerSpec;
  role: Role;
}

export interface Run {
  /** 0 for the first. */
  attempt: number;
  from: number;
  /** Undefined: it goes on. */
  to: number | undefined;
  code: number | undefined;
  reason: string | undefined;
}

export function membersOf(pod: Pod): Member[] {
  const sequence = (pod.spec.initContainers ?? []).map((spec): Member => ({ spec, role: spec.restartPolicy === "Always" ? "sidecar" : "init" }));
  const debug = pod.spec.ephemeralContainers ?? [];
  return [...sequence, ...pod.spec.containers.map((spec): Member => ({ spec, role: "main" })), ...debug.map((spec): Member => ({ spec, role: "debug" }))];
}

export function statusOf(pod: Pod | undefined, name: string): ContainerStatus | undefined {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = pod?.status ?? {};
  return [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses].find((status) => status.name === name);
}

/** The runs of one container of a pod, the first one first. */
export function runsOf(life: Life, name: string): Run[] {
  const runs = told(life.steps, name);
  const matched = new Set<Run>();
  for (const record of recorded(life, name)) {
    // A status drops the fraction of a second.
    const same = runs.find((run) => !matched.has(run) && run.from - record.from > -50 && run.from - record.from < 1_050);
    if (same) Object.assign(same, { to: same.to ?? record.to, code: same.code ?? record.code, reason: record.reason });
    else runs.push(record);
    matched.add(same ?? record);
  }
  runs.sort((a, b) => a.from - b.from);
  const restarts = statusOf(life.versions.at(-1)?.body as Pod | undefined, name)?.restartCount ?? 0;
  const missing = Math.max(0, restarts + 1 - runs.length);
  runs.forEach((run, i) => {
    run.attempt = i + (runs.length > 0 ? missing : 0);
    const next = runs[i + 1];
    run.to ??= next?.from ?? life.end?.time;
  });
  return runs;
}

/** What the steps tell. */
function told(steps: readonly StepAt[], name: string): Run[] {
  const runs: Run[] = [];
  for (const { step, time } of steps) {
    const detail = step.detail ?? "";
    if (step.verb === "start process" && detail.startsWith(`${name}, pid `)) runs.push(begun(time));
    const ended = step.verb === "exit" && detail.startsWith(`container ${name} exited `) ? /code (-?\d+)$/.exec(detail) : step.verb === "process exited" && detail.startsWith(`${name}, exit `) ? /code (-?\d+)$/.exec(detail) : null;
    const last = runs.at(-1);
    if (ended && last && last.to === undefined) [last.to, last.code] = [time, Number(ended[1])];
  }
  return runs;
}

const begun = (from: number): Run => ({ attempt: 0, from, to: undefined, code: undefined, reason: undefined });

/** What the statuses tell: each container once, as it was known last. */
function recorded(life: Life, name: string): Run[] {
  const known = new Map<string, Run>();
  for (const { body } of life.versions) {
    const status = statusOf(body as Pod | undefined, name);
    for (const { running, terminated } of [status?.lastState ?? {}, status?.state ?? {}]) {
      const from = Date.parse(running?.startedAt ?? terminated?.startedAt ?? "");
      const id = terminated?.containerID ?? status?.containerID ?? String(from);
      if (Number.isNaN(from)) continue;
      const run = known.get(id) ?? begun(from);
      known.set(id, run);
      if (!terminated) continue;
      const to = Date.parse(terminated.finishedAt ?? "");
      Object.assign(run, { to: Number.isNaN(to) ? undefined : to, code: terminated.exitCode, reason: terminated.reason });
    }
  }
  return [...known.values()].sort((a, b) => a.from - b.from);
}
