import { render, screen } from "@testing-library/svelte";
import { expect, test } from "vitest";
import type { ContainerSpec, Pod, Ref } from "../../lib/types";
import Probes from "../Probes.svelte";
import { runsOf } from "../stage/runs";
import { at, PodStory, rel, start, web } from "../stage/story";
import { endpointsOf, readyOf } from "./effects";
import { lanesOf, probesOf } from "./said";

const probe = (more: object = {}) => ({ httpGet: { path: "/ready", port: 8080 }, periodSeconds: 1, failureThreshold: 3, ...more });
const status = (more: object) => ({ containerStatuses: [{ name: "shop", ready: false, restartCount: 0, ...more }] });

function lanes(story: PodStory, spec: ContainerSpec, ms: number, seq?: number) {
  const history = story.history();
  const now = history.at(seq ?? history.last);
  const life = story.life(history);
  return lanesOf(history, now, life, spec, runsOf(life, spec.name), start + ms);
}

/** What is drawn of one probe. */
function drawn(story: PodStory, spec: ContainerSpec, kind: string, ms: number) {
  const lane = lanes(story, spec, ms).find((one) => one.probe.kind === kind);
  return {
    answers: lane?.answers.map(({ time, ok, inARow, counts, from }) => `${rel(time)} ${ok ? "ok" : inARow}${counts ? " counts" : ""}${from === "event" ? " told" : ""}`),
    stretches: lane?.stretches.map(({ state, from, to }) => `${state} ${rel(from)}-${rel(to)}`),
  };
}

const says = (kind: string, what: string) => `${kind} probe of container shop ${what}`;
const only = (spec: Partial<ContainerSpec>): ContainerSpec => ({ name: "shop", image: "busybox", ...spec });

function begun(spec: ContainerSpec): PodStory {
  const story = new PodStory();
  story.pod(0, { spec: { containers: [spec] } });
  story.starts(100, "shop");
  return story;
}

test("a probe that says nothing new leaves a band, and no answer", () => {
  const spec = only({ livenessProbe: probe({ initialDelaySeconds: 2 }) });
  expect(drawn(begun(spec), spec, "liveness", 60_000)).toEqual({ answers: [], stretches: ["delay 100-2100", "asked 2100-60000"] });
});

test("of the failures in a row the last one counts, though all are causes of what it set off", () => {
  const spec = only({ livenessProbe: probe() });
  const story = begun(spec);
  const failed = [1_000, 2_000, 3_000].map((ms) => story.does(ms, "probe", says("liveness", "failed: HTTP probe failed with statuscode: 500")));
  const stop = story.does(3_001, "decide", "stop container shop with 2s of grace: Container shop failed liveness probe, will be restarted", { causes: failed });
  const exit = story.exits(3_100, "shop", 143, [stop]);
  story.starts(3_200, "shop", [exit]);
  expect(drawn(story, spec, "liveness", 9_000)).toEqual({
    answers: ["1000 1", "2000 2", "3000 3 counts"],
    stretches: ["asked 100-3000", "failure 3000-3100", "asked 3200-9000"],
  });
  const effects = lanes(story, spec, 9_000)[0]?.answers.map((answer) => answer.effects.map(({ kind, time }) => `${kind} ${rel(time)}`));
  expect(effects).toEqual([[], [], ["stop 3001", "start 3200"]]);
});

test("a pause of more than a period has a success in it, which nobody recorded: the row begins anew", () => {
  const spec = only({ livenessProbe: probe() });
  const story = begun(spec);
  for (const ms of [1_000, 2_000, 5_000, 6_000]) story.does(ms, "probe", says("liveness", "failed: no"));
  expect(drawn(story, spec, "liveness", 9_000)).toEqual({ answers: ["1000 1", "2000 2", "5000 1", "6000 2"], stretches: ["asked 100-9000"] });
});

test("another run begins with nothing known", () => {
  const spec = only({ livenessProbe: probe() });
  const story = begun(spec);
  for (const ms of [1_000, 2_000]) story.does(ms, "probe", says("liveness", "failed: no"));
  story.exits(2_100, "shop", 1);
  story.starts(2_200, "shop");
  story.does(2_900, "probe", says("liveness", "failed: no"));
  expect(drawn(story, spec, "liveness", 3_000).answers).toEqual(["1000 1", "2000 2", "2900 1"]);
});

test("readiness is known by its first success, and again by the one after it failed", () => {
  const spec = only({ readinessProbe: probe({ failureThreshold: 2 }) });
  const story = begun(spec);
  story.does(1_000, "probe", says("readiness", "succeeded"));
  const failed = [5_000, 6_000].map((ms) => story.does(ms, "probe", says("readiness", "failed: 404")));
  story.pod(6_005, { spec: { containers: [spec] }, status: { ...status({}), conditions: [{ type: "Ready", status: "False" }] } }, { detail: "Ready is False", causes: failed });
  story.does(9_000, "probe", says("readiness", "succeeded"));
  expect(drawn(story, spec, "readiness", 10_000)).toEqual({ answers: ["1000 ok counts", "5000 1", "6000 2 counts", "9000 ok counts"], stretches: ["asked 100-1000", "success 1000-6000", "failure 6000-9000", "success 9000-10000"] });
});

test("what the record leaves out, the pod's status tells", () => {
  const spec = only({ readinessProbe: probe() });
  const story = begun(spec);
  story.pod(500, { spec: { containers: [spec] }, status: status({ ready: false }) });
  story.pod(3_000, { spec: { containers: [spec] }, status: status({ ready: true }) });
  story.pod(5_000, { spec: { containers: [spec] }, status: status({ ready: false }) });
  expect(drawn(story, spec, "readiness", 6_000)).toEqual({ answers: [], stretches: ["asked 100-3000", "success 3000-5000", "failure 5000-6000"] });
});

test("until the startup probe has passed no other is asked, and then it is not asked any more", () => {
  const spec = only({ startupProbe: probe({ failureThreshold: 20 }), livenessProbe: probe(), readinessProbe: probe() });
  const story = begun(spec);
  story.does(1_000, "probe", says("startup", "failed: not yet"));
  expect(drawn(story, spec, "liveness", 4_000).stretches).toEqual(["held 100-4000"]);
  story.does(4_000, "probe", says("startup", "succeeded"));
  expect(drawn(story, spec, "startup", 9_000)).toEqual({ answers: ["1000 1", "4000 ok counts"], stretches: ["asked 100-4000", "rests 4000-9000"] });
  expect(drawn(story, spec, "liveness", 9_000).stretches).toEqual(["held 100-4000", "asked 4000-9000"]);
});

test("a failure that changed nothing is told by its event alone, and one that is in the record is not told twice", () => {
  const spec = only({ readinessProbe: probe({ failureThreshold: 1 }) });
  const story = begun(spec);
  const event: Ref = { resource: "events", namespace: "default", name: "shop.1" };
  const tell = (ms: number, count: number, uid = "web") =>
    story.write(ms, event, { reason: "Unhealthy", message: "Readiness probe failed: 404", count, lastTimestamp: at(ms), involvedObject: { uid, fieldPath: "spec.containers{shop}" } });
  story.does(1_000, "probe", says("readiness", "failed: 404"));
  tell(1_005, 1);
  tell(2_005, 2);
  expect(drawn(story, spec, "readiness", 3_000)).toEqual({ answers: ["1000 1 counts", "2006 2 told"], stretches: ["asked 100-1000", "failure 1000-3000"] });
  tell(3_000, 3, "another");
  expect(drawn(story, spec, "readiness", 3_500).answers).toEqual(["1000 1 counts"]);
});

test("nothing that came later is drawn", () => {
  const spec = only({ livenessProbe: probe({ failureThreshold: 1 }) });
  const story = begun(spec);
  const failed = story.does(1_000, "probe", says("liveness", "failed: no"));
  const before = story.frames.length;
  story.does(1_001, "decide", "stop container shop with 2s of grace: why", { causes: [failed] });
  expect(lanes(story, spec, 1_000, before)[0]?.answers[0]?.effects).toEqual([]);
});

test("where the pod stood is told by its condition and by the endpoints of its uid", () => {
  const spec = only({ readinessProbe: probe() });
  const slice: Ref = { resource: "endpointslices", namespace: "default", name: "shop-1" };
  const story = begun(spec);
  const endpoint = (ms: number, ready: boolean, uid = "web") => story.write(ms, slice, { endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready }, targetRef: { kind: "Pod", name: "web", namespace: "default", uid } }] }, { labels: { "kubernetes.io/service-name": "shop" } });
  story.pod(1_000, { spec: { containers: [spec] }, status: { conditions: [{ type: "Ready", status: "True" }] } });
  endpoint(1_010, true);
  endpoint(4_010, false);
  const history = story.history();
  const life = story.life(history);
  const told = (standings: readonly { yes: boolean; from: number; to: number }[]) => standings.map(({ yes, from, to }) => [yes, rel(from), rel(to)]);
  expect(told(readyOf(history, life, start + 9_000))).toEqual([[false, 0, 1_000], [true, 1_000, 9_000]]);
  expect(endpointsOf(history, history.now, life, start + 9_000).map(({ service, standings }) => [service, told(standings)])).toEqual([["shop", [[true, 1_010, 4_010], [false, 4_010, 9_000]]]]);
  endpoint(5_000, true, "another");
  const later = story.history();
  expect(told(endpointsOf(later, later.now, story.life(later), start + 9_000)[0]?.standings ?? [])).toEqual([[true, 1_010, 4_010], [false, 4_010, 9_000]]);
});

test("what a probe leaves out is what Kubernetes takes for it", () => {
  expect(probesOf(only({ livenessProbe: { exec: { command: ["test", "-e", "/x"] } }, readinessProbe: { tcpSocket: { port: "http" } } }))).toEqual([
    { kind: "liveness", asks: "test -e /x", delay: 0, period: 10, timeout: 1, failures: 3, successes: 1 },
    { kind: "readiness", asks: "connect :http", delay: 0, period: 10, timeout: 1, failures: 3, successes: 1 },
  ]);
});

test("the picture says how each probe stands and what it set off, and an answer with a script in it is text", () => {
  const spec = only({ readinessProbe: probe({ failureThreshold: 1 }) });
  const story = begun(spec);
  const failed = story.does(1_000, "probe", says("readiness", 'failed: <img src=x onerror="alert(1)">'));
  story.pod(1_005, { spec: { containers: [spec] } }, { detail: "Ready is False", causes: [failed] });
  const history = story.history();
  const { container } = render(Probes, { history, now: history.now, time: history.now.time, fresh: [], select: () => {}, object: web });
  expect(screen.getByTestId("probe-shop-readiness").dataset["state"]).toBe("failure");
  expect(screen.getByTestId("set-off").textContent).toContain("the pod is not ready");
  expect(screen.getByTestId("set-off").textContent).toContain("<img src=x");
  expect(container.querySelector("img")).toBeNull();
});

test("a pod with no probe says so", () => {
  const story = new PodStory();
  story.pod(0, { spec: { containers: [only({})] as Pod["spec"]["containers"] } });
  const history = story.history();
  const { container } = render(Probes, { history, now: history.now, time: history.now.time, fresh: [], select: () => {}, object: web });
  expect(container.textContent).toContain("No container of web has a probe.");
});
