import { render, screen } from "@testing-library/svelte";
import { expect, test } from "vitest";
import type { ContainerStatus, Pod } from "../../lib/types";
import Sequence from "../Sequence.svelte";
import { momentsOf, windowOf } from "../stage/axis";
import { PodStory, rel, start, web } from "../stage/story";
import { runsOf } from "../stage/runs";
import { labelsOf, marksOf, rowsOf } from "./rows";

const spec = {
  initContainers: [
    { name: "wait", image: "busybox" },
    { name: "certificates", image: "busybox", restartPolicy: "Always" },
    { name: "migrate", image: "busybox" },
  ],
  containers: [{ name: "web", image: "busybox" }],
};

const status = (name: string, more: Partial<ContainerStatus> = {}): ContainerStatus => ({ name, ready: false, restartCount: 0, ...more });
const waiting = (reason: string) => ({ state: { waiting: { reason } } });

function rows(story: PodStory, ms: number) {
  const history = story.history();
  const life = story.life(history);
  return rowsOf(history, life, life.versions.at(-1)?.body as Pod, start + ms);
}

const drawn = (story: PodStory, ms: number) => rows(story, ms).map(({ name, bars }) => [name, ...bars.map(({ kind, from, to }) => `${kind} ${rel(from)}-${rel(to)}`)]);
const said = (story: PodStory, ms: number) => rows(story, ms).map(({ name, state, says }) => [name, state, says]);

test("what comes later waits for the first that is not through", () => {
  const story = new PodStory();
  story.pod(0, { spec });
  story.starts(100, "wait");
  expect(said(story, 5_000)).toEqual([["wait", "runs", "runs"], ["certificates", "waits", "waits for wait"], ["migrate", "waits", "waits for wait"], ["web", "waits", "waits for wait"]]);
  expect(drawn(story, 5_000)).toEqual([["wait", "waits 0-100", "runs 100-5000"], ["certificates", "waits 0-5000"], ["migrate", "waits 0-5000"], ["web", "waits 0-5000"]]);
});

test("an init container that failed is tried again after a pause, and a sidecar stays", () => {
  const story = new PodStory();
  story.pod(0, { spec });
  story.starts(100, "wait");
  story.exits(200, "wait");
  story.starts(300, "certificates");
  story.starts(400, "migrate");
  story.exits(500, "migrate", 1);
  story.pod(510, { spec, status: { initContainerStatuses: [status("migrate", { restartCount: 0, ...waiting("CrashLoopBackOff") })] } });
  expect(said(story, 1_000)).toEqual([["wait", "done", "exit code 0 after 100 ms"], ["certificates", "runs", "runs"], ["migrate", "pause", "exit code 1 after 100 ms, waits for its next try"], ["web", "waits", "waits for migrate"]]);
  story.starts(10_500, "migrate");
  story.exits(10_600, "migrate");
  story.starts(10_700, "web");
  expect(drawn(story, 20_000)).toEqual([["wait", "waits 0-100", "done 100-200"], ["certificates", "waits 0-300", "runs 300-20000"], ["migrate", "waits 0-400", "failed 400-500", "pause 500-10500", "done 10500-10600"], ["web", "waits 0-10700", "runs 10700-20000"]]);
});

test("a sidecar with a startup probe holds up what comes after it until the probe has passed", () => {
  const slow = { ...spec, initContainers: [{ name: "proxy", image: "busybox", restartPolicy: "Always", startupProbe: {} }] };
  const story = new PodStory();
  story.pod(0, { spec: slow });
  story.starts(100, "proxy");
  expect(said(story, 200)[1]).toEqual(["web", "waits", "waits for proxy"]);
  story.pod(300, { spec: slow, status: { initContainerStatuses: [status("proxy", { started: true, state: { running: { startedAt: "2026-11-21T10:00:00Z" } } })] } });
  expect(said(story, 400)[1]).toEqual(["web", "waits", "has not started yet"]);
});

test("where no step is known, the status tells of the runs, to the second, and of those that it has forgotten their number", () => {
  const story = new PodStory();
  story.pod(60_000, {
    spec,
    status: {
      containerStatuses: [
        status("web", {
          restartCount: 4,
          containerID: "c4",
          state: { running: { startedAt: "2026-11-21T10:00:50Z" } },
          lastState: { terminated: { containerID: "c3", exitCode: 137, reason: "OOMKilled", startedAt: "2026-11-21T10:00:20Z", finishedAt: "2026-11-21T10:00:30Z" } },
        }),
      ],
    },
  });
  expect(runsOf(story.life(), "web").map(({ attempt, from, to, code, reason }) => [attempt, rel(from), to && rel(to), code, reason])).toEqual([[3, 20_000, 30_000, 137, "OOMKilled"], [4, 50_000, undefined, undefined, undefined]]);
  expect(rows(story, 61_000)[3]).toMatchObject({ restarts: 4, state: "runs" });
});

test("a run that steps and status tell of is one", () => {
  const story = new PodStory();
  story.pod(0, { spec });
  story.starts(2_120, "web");
  story.exits(2_320, "web", 3);
  story.starts(2_420, "web");
  story.pod(2_500, { spec, status: { containerStatuses: [status("web", { restartCount: 1, containerID: "b", state: { running: { startedAt: "2026-11-21T10:00:02Z" } }, lastState: { terminated: { containerID: "a", exitCode: 3, reason: "Error", startedAt: "2026-11-21T10:00:02Z", finishedAt: "2026-11-21T10:00:02Z" } } })] } });
  expect(runsOf(story.life(), "web").map(({ from, to, code, reason }) => [rel(from), to && rel(to), code, reason])).toEqual([[2_120, 2_320, 3, "Error"], [2_420, undefined, undefined, undefined]]);
});

test("the end of a pod ends what ran in it", () => {
  const story = new PodStory();
  story.pod(0, { spec });
  story.starts(100, "web");
  story.gone(900);
  expect(drawn(story, 5_000).at(-1)).toEqual(["web", "waits 0-100", "done 100-900"]);
});

test("what happened to the whole pod is told, a second sandbox too", () => {
  const condition = (type: string, value: "True" | "False") => ({ type, status: value });
  const story = new PodStory();
  story.pod(0, { spec });
  story.does(50, "create netns", "/run/a", { component: "runtime" });
  story.pod(60, { spec, status: { conditions: [condition("Initialized", "False"), condition("Ready", "False")] } });
  story.pod(700, { spec, status: { conditions: [condition("Initialized", "True"), condition("Ready", "True")] } });
  story.does(900, "create netns", "/run/b", { component: "runtime" });
  const history = story.history();
  const life = story.life(history);
  expect(marksOf(history, life, life.versions.at(-1)?.body as Pod).map(({ time, says }) => `${says} ${rel(time)}`)).toEqual(["made 0", "sandbox 50", "initialized 700", "ready 700", "new sandbox 900"]);
});

test("labels do not lie over each other", () => {
  expect(labelsOf([{ x: 0, says: "made" }, { x: 10, says: "sandbox" }, { x: 200, says: "ready" }], 6)).toEqual([{ x: 0, says: "made · sandbox" }, { x: 200, says: "ready" }]);
  expect(labelsOf(["a", "b", "c", "d", "e", "f", "g"].map((says, x) => ({ x, says })), 6)).toEqual([{ x: 0, says: "a · b · … · f · g" }]);
});

test("a window has round moments, none at its edges", () => {
  const window = windowOf(start, start + 60_000, 0);
  expect(momentsOf(window, 600).map(rel)).toEqual([10_000, 20_000, 30_000, 40_000, 50_000]);
  expect(windowOf(start, start + 60_000, 15_000).from).toBe(start + 60_000 - 15_300);
});

test("the picture names each container with its state, and a name with a script in it is text", () => {
  const evil = '<img src=x onerror="alert(1)">';
  const story = new PodStory();
  story.pod(0, { spec: { containers: [{ name: evil, image: "busybox" }] } });
  story.starts(100, evil);
  const history = story.history();
  const { container } = render(Sequence, { history, now: history.now, time: history.now.time, fresh: [], select: () => {}, object: web });
  expect(screen.getByTestId(`sequence-${evil}`).dataset["state"]).toBe("runs");
  expect(container.querySelector("img")).toBeNull();
});
