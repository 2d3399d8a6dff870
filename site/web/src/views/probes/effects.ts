// What an answer of a probe set off, along the causal record; and where it could be seen. Pure.

import type { History, State, StepAt } from "../../lib/model";
import { refOf } from "../../lib/ref";
import { condition, list, owned } from "../../lib/select";
import type { EndpointSlice, Pod, Ref, Step } from "../../lib/types";
import { podOf } from "../creation/subject";
import { whenWritten, type Life } from "../stage/lives";

export interface Effect {
  kind: "stop" | "start" | "ready" | "endpoint" | "rules";
  time: number;
  step: Step;
  says: string;
}

/** How far the chain is followed. */
const deepest = 9;

/** The first of each kind of thing that an answer set off, in the order of time. Another answer begins a chain of its own. */
export function effectsOf(history: History, id: string, seq: number, container: string): Effect[] {
  const found = new Map<string, Effect>();
  const seen = new Set([id]);
  let front: readonly StepAt[] = history.effectsOf(id, seq);
  for (let depth = 0; depth < deepest && front.length > 0; depth++) {
    const next: StepAt[] = [];
    for (const at of front) {
      if (seen.has(at.step.id) || at.step.verb === "probe") continue;
      seen.add(at.step.id);
      const effect = effectOf(at, container);
      const before = effect && found.get(effect.kind);
      if (effect && (!before || effect.time < before.time)) found.set(effect.kind, effect);
      next.push(...history.effectsOf(at.step.id, seq));
    }
    front = next;
  }
  return [...found.values()].sort((a, b) => a.time - b.time);
}

function effectOf({ step, time }: StepAt, container: string): Effect | undefined {
  const detail = step.detail ?? "";
  if (step.verb === "decide" && detail.startsWith(`stop container ${container} `)) return { kind: "stop", time, step, says: `${container} is stopped` };
  if (step.verb === "start process" && detail.startsWith(`${container}, pid `)) return { kind: "start", time, step, says: `${container} is started again` };
  if (step.verb === "load rules") return { kind: "rules", time, step, says: `the nodes' rules: ${detail}` };
  if (step.object.resource === "endpointslices") return { kind: "endpoint", time, step, says: `endpoints: ${detail}` };
  const ready = /\bReady is (True|False)/.exec(detail)?.[1];
  if (step.object.resource === "pods" && ready) return { kind: "ready", time, step, says: ready === "True" ? "the pod is ready" : "the pod is not ready" };
  return undefined;
}

/** Where the pod stood, for some time: ready, or an endpoint that gets requests. */
export interface Standing {
  yes: boolean;
  from: number;
  to: number;
}

/** Whether the pod was ready. */
export function readyOf(history: History, life: Life, until: number): Standing[] {
  return standingsOf(life.versions.map((version) => ({ time: whenWritten(history, version), yes: condition(version.body as Pod, "Ready")?.status === "True" })), until);
}

/** By the name of each Service, whether the pod was one of its ready endpoints. */
export function endpointsOf(history: History, now: State, life: Life, until: number): { service: string; standings: Standing[] }[] {
  return (list(now, "endpointslices") as EndpointSlice[])
    .filter(({ metadata }) => metadata.namespace === life.ref.namespace && metadata.labels?.["kubernetes.io/service-name"])
    .flatMap(({ metadata }) => {
      const versions = history.versionsOf({ resource: "endpointslices", name: metadata.name, ...(metadata.namespace && { namespace: metadata.namespace }) }, now.seq);
      const own = (body: EndpointSlice | undefined) => (body?.endpoints ?? []).find(({ targetRef }) => targetRef?.kind === "Pod" && targetRef.uid === life.uid);
      if (!versions.some(({ body }) => own(body as EndpointSlice | undefined))) return [];
      const told = versions.map((version) => ({ time: whenWritten(history, version), yes: own(version.body as EndpointSlice | undefined)?.conditions?.ready === true }));
      return [{ service: metadata.labels?.["kubernetes.io/service-name"] ?? "", standings: standingsOf(told, until) }];
    });
}

function standingsOf(told: readonly { time: number; yes: boolean }[], until: number): Standing[] {
  const standings: Standing[] = [];
  for (const { time, yes } of told) {
    const last = standings.at(-1);
    if (last?.yes === yes) continue;
    if (last) last.to = time;
    standings.push({ yes, from: time, to: until });
  }
  return standings;
}

/** The pod that an object stands for: itself, or of several the one of which a probe has said something last. */
export function spokenOf(history: History, now: State, object: Ref | undefined): Ref | undefined {
  if (object?.resource !== "deployments" && object?.resource !== "replicasets") return podOf(now, object);
  const sets = object.resource === "deployments" ? owned(now, object).map((set) => refOf("replicasets", set)) : [object];
  const spoke = sets
    .flatMap((set) => owned(now, set).map((pod) => refOf("pods", pod)))
    .map((ref) => ({ ref, time: history.stepsOf(ref, now.seq).findLast(({ step }) => step.verb === "probe")?.time ?? 0 }))
    .sort((a, b) => b.time - a.time);
  return spoke[0]?.ref;
}
