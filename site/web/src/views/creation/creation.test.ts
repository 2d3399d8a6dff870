import { expect, test } from "vitest";
import { History } from "../../lib/model";
import type { Frame, Ref, Step } from "../../lib/types";
import { livesOf } from "../stage/lives";
import { chainOf } from "./chain";
import { draw } from "./lanes";
import { phasesOf } from "./phases";
import { piecesOf, scaleOf } from "./scale";

const web: Ref = { resource: "pods", namespace: "default", name: "web" };
const slice: Ref = { resource: "endpointslices", namespace: "default", name: "web-1" };
const service: Ref = { resource: "services", namespace: "default", name: "web" };
const start = Date.parse("2026-11-21T10:00:00Z");

/** A step at so many milliseconds; a revision makes its ID. */
function step(ms: number, component: string, verb: string, causes: string[], more: Partial<Step> = {}): Step {
  const id = more.revision === undefined ? `${component}-${verb}-${ms}` : `r${more.revision}`;
  return { id, time: new Date(start + ms).toISOString(), component, verb, object: web, ...(causes.length > 0 ? { causes } : { root: "request" as const }), ...more };
}

const node = { host: "node-1" };
const born: Step[] = [
  step(0, "alice", "create", [], { revision: 10 }),
  step(11, "scheduler", "create binding", ["r10"], { revision: 11, detail: "3 of 3 nodes fit, node-1 is best" }),
  step(20, "kubelet", "decide", ["r11"], { ...node, detail: "create sandbox (attempt 0)" }),
  step(30, "runtime", "create netns", ["kubelet-decide-20"], node),
  step(50, "runtime", "start shim", ["kubelet-decide-20"], node),
  step(60, "kubelet", "decide", ["runtime-start shim-50"], { ...node, detail: "start container main (attempt 0) in sandbox 06ea87ebec49c915" }),
  step(130, "runtime", "mount rootfs", ["kubelet-decide-60"], node),
  step(134, "runtime", "start process", ["kubelet-decide-60"], node),
  step(144, "kubelet", "patch status", ["runtime-start process-134"], { ...node, revision: 12, detail: "phase Running, PodReadyToStartContainers is True, Ready is True" }),
];
const reached: Step[] = [
  step(160, "controllers", "update", ["r12"], { revision: 13, object: slice }),
  step(190, "proxy", "load rules", ["r13"], { ...node, object: service }),
];

function historyOf(steps: readonly Step[]): History {
  const history = new History({ seq: 0, time: new Date(start).toISOString(), cluster: "c", objects: [], facts: [], steps: [] });
  history.append(steps.map((one, i): Frame => ({ seq: i + 1, time: one.time, step: one })));
  return history;
}

function told(steps: readonly Step[], served = true, seq = steps.length) {
  const history = historyOf(steps);
  const life = livesOf(history, web, seq)[0];
  if (!life) throw new Error("there is no life");
  const chain = chainOf(history, life, seq);
  return { chain, phases: phasesOf(chain, life, served) };
}

test("the phases follow on each other and add up to the whole", () => {
  const { phases } = told([...born, ...reached]);
  expect(phases.map(({ from, to }) => Math.round((to ?? NaN) - (from ?? NaN)))).toEqual([0, 0, 11, 0, 9, 30, 80, 14, 46]);
  expect(phases.map(({ revision }) => revision)).toEqual([undefined, 10, undefined, 11, undefined, undefined, undefined, undefined, undefined]);
});

test("each phase names what set off its last step, back to the request", () => {
  expect(told([...born, ...reached]).phases.map(({ cause }) => cause?.step.verb)).toEqual([undefined, undefined, "create", "create", "create binding", "decide", "decide", "start process", "update"]);
});

test("at any moment one phase goes on, those before are done and those after are ahead", () => {
  expect(told([...born, ...reached], true, 3).phases.map(({ state }) => state)).toEqual(["done", "done", "done", "done", "done", "now", "ahead", "ahead", "ahead"]);
});

test("a pod that no service selects waits for no endpoint", () => {
  expect(told(born, false).phases.at(-1)?.state).toBe("never");
  expect(told(born, true).phases.at(-1)?.state).toBe("now");
});

test("ReadyToStart is not Ready", () => {
  const waits = step(55, "kubelet", "patch status", ["runtime-start shim-50"], { ...node, revision: 14, detail: "PodReadyToStartContainers is True, Ready is False" });
  expect(told([...born.slice(0, 6), waits]).phases.find(({ name }) => name === "Start")?.state).not.toBe("done");
});

test("a chain has the endpoint slice and the rules, and not what other pods did to the slice later", () => {
  const others = [step(900, "kubelet", "patch status", [], { revision: 20, object: { ...web, name: "other" } }), step(950, "controllers", "update", ["r20", "r13"], { revision: 21, object: slice })];
  const { chain } = told([...born, ...reached, ...others]);
  expect(chain.map((at) => at.step.id)).toEqual([...born, ...reached].map((one) => one.id));
});

test("a chain goes back to whoever asked for what made the pod", () => {
  const set: Ref = { resource: "replicasets", namespace: "default", name: "set" };
  const asked = step(-5, "alice", "create", [], { revision: 8, object: set });
  const { phases, chain } = told([asked, { ...(born[0] as Step), component: "controllers", causes: ["r8"] }]);
  expect(chain[0]?.step.id).toBe("r8");
  expect(Math.round((phases[0]?.to ?? NaN) - (phases[0]?.from ?? NaN))).toBe(5);
});

test("the axis is broken where nothing happens for long, and not within a start", () => {
  expect(piecesOf([0, 11, 20, 130, 144])).toHaveLength(1);
  expect(piecesOf([0, 300, 600, 900])).toHaveLength(1);
  expect(piecesOf([0, 144, 644, 1_144], 144)).toHaveLength(3);
  expect(piecesOf([0, 144, 4_344, 4_350])).toEqual([{ from: 0, to: 144 }, { from: 4_344, to: 4_350 }]);
});

test("a start fills the width, and all pieces have one scale", () => {
  const room = { width: 1000, breakWidth: 40, leastPiece: 300, lead: 10, tail: 90 };
  const one = scaleOf([0, 100], room);
  expect([one.x(0), one.x(50), one.x(100)]).toEqual([10, 460, 910]);
  const two = scaleOf([0, 100, 5_000, 5_100], room);
  expect(two.x(100) - two.x(0)).toBeCloseTo(two.x(5_100) - two.x(5_000));
});

test("marks of a lane never touch: bars or labels that would are in different rows", () => {
  const { chain } = told([...born, ...reached]);
  const label = (text: string) => 18 + 6 * text.length;
  const { marks } = draw(chain, scaleOf(chain.map((at) => at.time), { width: 800, breakWidth: 40, leastPiece: 300, lead: 10, tail: 90 }), { label, row: 20, pad: 5 });
  for (const a of marks) for (const b of marks) {
    if (a === b || a.lane !== b.lane || a.row !== b.row || a.waits > b.waits) continue;
    expect(a.x + (a.side === "right" ? label(a.label) : 0)).toBeLessThanOrEqual(b.side === "left" ? Math.min(b.waits, b.x - label(b.label)) : b.waits);
  }
});

test("news of a write comes from the store; what was not written is a call", () => {
  const { chain } = told(born);
  const { arrows } = draw(chain, scaleOf(chain.map((at) => at.time), { width: 800, breakWidth: 40, leastPiece: 300, lead: 10, tail: 90 }), { label: (text) => 6 * text.length, row: 20, pad: 5 });
  expect(arrows.find(({ id }) => id === "r11 cause")).toMatchObject({ kind: "watch", from: { lane: { key: "apiserver" } }, to: { lane: { key: "scheduler" } } });
  expect(arrows.find(({ id }) => id === "runtime-create netns-30 cause")).toMatchObject({ kind: "call", from: { lane: { key: "kubelet@node-1" } } });
});
