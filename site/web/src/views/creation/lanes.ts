// The picture of a chain: who did what, when, and what set it off. Pure; in pixels.

import { whoOf, type Who } from "../../lib/component";
import type { StepAt } from "../../lib/model";
import { mainCause } from "./chain";
import type { Scale } from "./scale";

export interface Lane {
  key: string;
  who: Who;
  title: string;
  host: string | undefined;
  top: number;
  rows: number;
}

export interface Mark {
  at: StepAt;
  number: number;
  lane: Lane;
  row: number;
  label: string;
  /** On which side of the mark its label has room. */
  side: "right" | "left";
  /** Where its cause was, where its own work began (after what the same hand did for the same cause), and where it was done. */
  waits: number;
  from: number;
  x: number;
  /** The store's lane shows each write once more, as a revision. */
  revision?: { row: number };
  cause: StepAt | undefined;
}

export interface Arrow {
  id: string;
  who: Who;
  /** A write goes to the store; news of it wakes somebody; a call has no store between. */
  kind: "write" | "watch" | "call";
  x: number;
  from: { lane: Lane; row: number };
  to: { lane: Lane; row: number };
}

const storeKey = "apiserver";
const order: Who[] = ["person", "apiserver", "etcd", "scheduler", "kubelet", "runtime", "controllers", "proxy", "dns", "cluster"];
const titles: Partial<Record<Who, string>> = { person: "You", apiserver: "API server · etcd", scheduler: "Scheduler", controllers: "Controllers", kubelet: "Kubelet", runtime: "Runtime", proxy: "Proxy", cluster: "Machine" };

function laneKey({ step }: StepAt): string {
  const who = whoOf(step.component);
  return (who === "kubelet" || who === "runtime" || who === "proxy") && step.host ? `${who}@${step.host}` : who;
}

/** Lanes for all who act in the chain, the store always among them. */
function lanesOf(chain: readonly StepAt[]): Map<string, Lane> {
  const keys = new Set([storeKey, ...chain.map(laneKey)]);
  const rank = (key: string) => order.indexOf(whoOf(key));
  return new Map(
    [...keys].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1)).map((key) => {
      const who = whoOf(key);
      return [key, { key, who, title: titles[who] ?? key, host: key.split("@")[1], top: 0, rows: 0 }];
    }),
  );
}

export interface Measures {
  /** How wide a label is, with its mark. */
  label: (text: string) => number;
  row: number;
  /** Above and below the rows of a lane. */
  pad: number;
}

export interface Drawing {
  lanes: Lane[];
  marks: Mark[];
  arrows: Arrow[];
  height: number;
}

/** Lays out a chain: in each lane, marks whose bars or labels would touch go into rows one below another. */
export function draw(chain: readonly StepAt[], scale: Scale, size: Measures): Drawing {
  const byId = new Map(chain.map((at) => [at.step.id, at]));
  const lanes = lanesOf(chain);
  const rows = new Map<Lane, number[]>();
  const store = lanes.get(storeKey) as Lane;
  const doneFor = new Map<string, number>();
  const marks = chain.map((at, i): Mark => {
    const lane = lanes.get(laneKey(at)) as Lane;
    const cause = mainCause(at.step, byId);
    const [x, waits] = [scale.x(at.time), scale.x(cause && cause.time <= at.time && samePiece(scale, cause.time, at.time) ? cause.time : at.time)];
    const same = `${lane.key} ${cause?.step.id}`;
    const from = Math.min(x, Math.max(waits, doneFor.get(same) ?? waits));
    doneFor.set(same, x);
    const label = labelOf(at);
    const width = size.label(label);
    const side = x + width > scale.width ? "left" : "right";
    const row = take(rows, lane, side === "left" ? Math.min(waits, x - width) : waits, side === "left" ? x + 10 : x + width);
    const mark: Mark = { at, number: i + 1, lane, row, label, side, waits, from, x, cause };
    if (at.step.revision !== undefined) mark.revision = { row: take(rows, store, x - 8, x + size.label(`r${at.step.revision}`)) };
    return mark;
  });
  let top = 0;
  for (const lane of lanes.values()) {
    lane.rows = Math.max(1, rows.get(lane)?.length ?? 1);
    lane.top = top;
    top += lane.rows * size.row + 2 * size.pad;
  }
  return { lanes: [...lanes.values()], marks, arrows: arrowsOf(marks, store), height: top };
}

function samePiece(scale: Scale, a: number, b: number): boolean {
  return scale.pieces.some((piece) => piece.from <= a && b <= piece.to);
}

/** The first row of a lane that is free from left to right; it is taken from then on. */
function take(rows: Map<Lane, number[]>, lane: Lane, left: number, right: number): number {
  const ends = rows.get(lane) ?? [];
  rows.set(lane, ends);
  const free = ends.findIndex((end) => end <= left);
  const row = free < 0 ? ends.length : free;
  ends[row] = right;
  return row;
}

/** A write goes to the store; who is woken by it is woken from there; what is not written is a call. */
function arrowsOf(marks: readonly Mark[], store: Lane): Arrow[] {
  const byId = new Map(marks.map((mark) => [mark.at.step.id, mark]));
  return marks.flatMap((mark) => {
    const arrows: Arrow[] = [];
    const to = { lane: mark.lane, row: mark.row };
    const cause = mark.cause && byId.get(mark.cause.step.id);
    if (cause) {
      const from = cause.revision ? { lane: store, row: cause.revision.row } : { lane: cause.lane, row: cause.row };
      if (from.lane !== to.lane || from.row !== to.row) arrows.push({ id: `${mark.at.step.id} cause`, who: cause.revision ? "apiserver" : cause.lane.who, kind: cause.revision ? "watch" : "call", x: mark.waits, from, to });
    }
    if (mark.revision) arrows.push({ id: `${mark.at.step.id} write`, who: mark.lane.who, kind: "write", x: mark.x, from: to, to: { lane: store, row: mark.revision.row } });
    return arrows;
  });
}

/** A few words: what was done, and to what if that is not plain. */
export function labelOf({ step }: StepAt): string {
  const detail = step.detail ?? "";
  if (step.verb === "decide") return detail.replace(/ (in )?sandbox [0-9a-f]{8,}/, (all) => (all.startsWith(" in") ? "" : " sandbox")).replace(/ \((attempt 0|IfNotPresent|Always)\)/g, "").replace(/:.*/, "");
  if (step.verb === "patch status") return detail.includes("Ready is True") ? "status: Ready" : `status: ${/exited with code \d+|waits: \w+|phase \w+/.exec(detail)?.[0] ?? "more"}`;
  if (step.verb === "exit") return /exited with code \d+/.exec(detail)?.[0] ?? "exit";
  if (step.verb === "load rules") return `rules: ${detail.split("→ ").at(-1) ?? ""}`;
  if (step.verb === "start process" || step.verb === "mount rootfs" || step.verb === "signal process" || step.verb === "kill process") return `${step.verb} ${detail.split(/[:,]/)[0]}`;
  const node = /(\S+) is (best|the only)/.exec(detail)?.[1];
  if (step.verb === "create binding") return `bind${node ? ` to ${node}` : ""}`;
  if (step.verb === "wait") return detail;
  if (step.object.resource === "configmaps" && step.object.name === "step-mode") return "step mode";
  if (["endpointslices", "replicasets", "deployments", "pods"].includes(step.object.resource) && ["create", "update", "delete", "patch"].includes(step.verb)) return `${step.verb} ${step.object.resource.replace("endpointslices", "endpoints").replace(/s$/, "")}`;
  return step.verb;
}
