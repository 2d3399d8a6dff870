import { render, screen } from "@testing-library/svelte";
import { expect, test } from "vitest";
import type { Pod, Ref } from "../../lib/types";
import { PodStory, rel, web } from "../stage/story";
import Volumes from "../Volumes.svelte";
import { waysOf } from "./way";

const settings: Ref = { resource: "configmaps", namespace: "default", name: "settings" };
const login: Ref = { resource: "secrets", namespace: "default", name: "login" };
const mask = "•••";

const spec = {
  volumes: [
    { name: "orders", emptyDir: {} },
    { name: "settings", configMap: { name: "settings" } },
    { name: "login", secret: { secretName: "login" } },
  ],
  containers: [
    {
      name: "shop",
      image: "busybox",
      env: [{ name: "COLOUR", valueFrom: { configMapKeyRef: { name: "settings", key: "colour" } } }, { name: "PLAIN", value: "x" }],
      volumeMounts: [
        { name: "orders", mountPath: "/orders" },
        { name: "settings", mountPath: "/settings" },
        { name: "settings", mountPath: "/etc/colour", subPath: "colour" },
        { name: "login", mountPath: "/login", readOnly: true },
      ],
    },
  ],
};

function ways(story: PodStory, seq?: number) {
  const history = story.history();
  const now = history.at(seq ?? history.last);
  const life = story.life(history);
  return waysOf(history, now, life, life.versions.at(-1)?.body as Pod);
}

const sights = (story: PodStory) => ways(story).sights.map(({ name, kind, state, version, value }) => [name, kind, state, version, value]);
const volumes = (story: PodStory) => ways(story).volumes.map(({ name, state, holds }) => [name, state, ...holds.map(({ version }) => version)]);

/** Revision 2 is the ConfigMap, 3 the Secret, 4 the pod. */
function running(): PodStory {
  const story = new PodStory();
  story.write(0, settings, { data: { colour: "blue", greeting: "hello" } });
  story.write(10, login, { data: { password: mask } });
  story.pod(20, { spec });
  story.does(100, "decide", "mount volumes");
  story.starts(200, "shop");
  return story;
}

test("what a container sees has the version that its volume was filled from, and a variable that of its start", () => {
  expect(volumes(running())).toEqual([["orders", "made"], ["settings", "made", 2], ["login", "made", 3]]);
  expect(sights(running())).toEqual([
    ["/orders", "directory", "shared", undefined, undefined],
    ["/settings", "directory", "follows", 2, undefined],
    ["/etc/colour", "single", "settled", 2, "blue"],
    ["/login", "directory", "follows", 3, undefined],
    ["COLOUR", "variable", "settled", 2, "blue"],
  ]);
});

test("a change is on its way until the kubelet has filled the volume anew; a part of it and a variable stay as they are", () => {
  const story = running();
  const patch = story.write(5_000, settings, { data: { colour: "red", greeting: "hello" } }, {}, { verb: "patch" });
  expect(volumes(story)[1]).toEqual(["settings", "behind", 2]);
  story.does(5_004, "decide", "mount volumes", { causes: [patch] });
  expect(volumes(story)[1]).toEqual(["settings", "made", 5]);
  expect(sights(story).slice(1)).toEqual([
    ["/settings", "directory", "follows", 5, undefined],
    ["/etc/colour", "single", "old", 2, "blue"],
    ["/login", "directory", "follows", 3, undefined],
    ["COLOUR", "variable", "old", 2, "blue"],
  ]);
});

test("the next run of the container sees what is there now", () => {
  const story = running();
  const patch = story.write(5_000, settings, { data: { colour: "red" } }, {}, { verb: "patch" });
  story.does(5_004, "decide", "mount volumes", { causes: [patch] });
  story.exits(6_000, "shop");
  story.starts(6_100, "shop");
  expect(sights(story).filter(([, kind]) => kind !== "directory")).toEqual([["/etc/colour", "single", "settled", 5, "red"], ["COLOUR", "variable", "settled", 5, "red"]]);
});

test("another key that changes leaves a single file the newest that there is", () => {
  const story = running();
  story.write(5_000, settings, { data: { colour: "blue", greeting: "good day" } }, {}, { verb: "patch" });
  story.does(5_004, "decide", "mount volumes");
  expect(sights(story)[2]).toEqual(["/etc/colour", "single", "settled", 2, "blue"]);
});

test("where an object is missing the volume waits, nothing is seen, and it says why", () => {
  const story = new PodStory();
  story.pod(0, { spec: { volumes: [{ name: "login", secret: { secretName: "login" } }], containers: [{ name: "shop", image: "busybox", volumeMounts: [{ name: "login", mountPath: "/login" }] }] } });
  story.does(100, "decide", 'mount volumes: MountVolume.SetUp failed for volume "login" : secret "login" not found');
  expect(ways(story).problem).toBe('MountVolume.SetUp failed for volume "login" : secret "login" not found');
  expect(ways(story).sources).toMatchObject([{ name: "login", missing: true, version: undefined }]);
  expect(volumes(story)).toEqual([["login", "waits"]]);
  expect(sights(story)).toEqual([["/login", "directory", "none", undefined, undefined]]);
});

test("of a Secret no value is read, not even a mask", () => {
  const story = running();
  story.write(5_000, login, { data: { password: "geheim" }, stringData: { password: "geheim" } }, {}, { verb: "patch" });
  story.does(5_004, "decide", "mount volumes");
  expect(JSON.stringify(ways(story))).not.toContain("geheim");
  const history = story.history();
  const { container } = render(Volumes, { history, now: history.now, time: history.now.time, fresh: [], select: () => {}, object: web });
  expect(container.innerHTML).not.toContain("geheim");
  expect(screen.getByTestId("source-secret/login").textContent).toContain("password: •••");
});

test("a new version of a Secret is on its way for a moment only: whether its values are others nobody can see", () => {
  const story = running();
  story.write(5_000, login, { data: { password: mask } }, { labels: { lab: "x" } }, { verb: "patch" });
  expect(volumes(story)[2]).toEqual(["login", "behind", 3]);
  story.does(7_000, "patch status", "something else");
  expect(volumes(story)[2]).toEqual(["login", "made", 3]);
});

test("what is not filled is shown as what it is", () => {
  const story = new PodStory();
  const all = [
    { name: "a", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
    { name: "b", hostPath: { path: "/var/log" } },
    { name: "c", downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
    { name: "kube-api-access-x", projected: { sources: [{ serviceAccountToken: { path: "token", expirationSeconds: 3607 } }, { configMap: { name: "settings" } }] } },
  ];
  story.pod(0, { spec: { volumes: all, containers: [] } });
  expect(ways(story).sources.map(({ kind, name, says }) => [kind, name, says])).toEqual([
    ["empty", "memory", "empty at first, 1Mi at most"],
    ["node", "/var/log", "a path of the node"],
    ["pod", "the pod itself", "what it is: its names, labels, limits"],
    ["token", "a token", "proof of who the pod is; renewed before it ends, 3607 s"],
    ["configmap", "settings", ""],
  ]);
  expect(ways(story).volumes.map(({ kind, usual }) => [kind, usual])).toEqual([["emptyDir", false], ["hostPath", false], ["downwardAPI", false], ["projected", true]]);
});

test("a file that has another path by items is that of its key, and a long text is one short line", () => {
  const story = new PodStory();
  story.write(0, settings, { data: { colour: "a first line that is much too long to be shown\nand another one" } });
  story.pod(20, { spec: { volumes: [{ name: "v", configMap: { name: "settings", items: [{ key: "colour", path: "look/c.txt" }] } }], containers: [{ name: "shop", image: "busybox", volumeMounts: [{ name: "v", mountPath: "/c", subPath: "look/c.txt" }] }] } });
  story.does(100, "decide", "mount volumes");
  story.starts(200, "shop");
  expect(sights(story)).toEqual([["/c", "single", "settled", 2, "a first line that is much too l…"]]);
});

test("nothing that came later is drawn", () => {
  const story = running();
  const before = story.frames.length;
  story.write(5_000, settings, { data: { colour: "red" } }, {}, { verb: "patch" });
  expect(ways(story, before).sources.find(({ name }) => name === "settings")).toMatchObject({ version: 2 });
  expect(rel(ways(story, before).sources.find(({ name }) => name === "settings")?.since ?? 0)).toBe(0);
});

test("a name with a script in it is text", () => {
  const evil = '<img src=x onerror="alert(1)">';
  const story = new PodStory();
  story.write(0, settings, { data: { [evil]: evil } });
  story.pod(20, { spec: { volumes: [{ name: "v", configMap: { name: "settings" } }], containers: [{ name: "shop", image: "busybox", volumeMounts: [{ name: "v", mountPath: `/${evil}` }] }] } });
  const history = story.history();
  const { container } = render(Volumes, { history, now: history.now, time: history.now.time, fresh: [], select: () => {}, object: web });
  expect(container.querySelector("img")).toBeNull();
  expect(container.textContent).toContain(evil);
});

test("what a pod says twice is drawn twice", () => {
  const story = new PodStory();
  story.write(0, settings, { data: { colour: "blue" } });
  const twice = [{ configMapRef: { name: "settings" } }, { configMapRef: { name: "settings" } }];
  const volume = { name: "v", projected: { sources: [{ configMap: { name: "settings" } }, { configMap: { name: "settings" } }] } };
  story.pod(20, { spec: { volumes: [volume], containers: [{ name: "shop", image: "busybox", envFrom: twice, volumeMounts: [{ name: "v", mountPath: "/v" }] }] } });
  story.does(100, "decide", "mount volumes");
  story.starts(200, "shop");
  expect(ways(story).sights.map(({ id }) => id)).toHaveLength(new Set(ways(story).sights.map(({ id }) => id)).size);
  expect(ways(story).volumes[0]?.sources).toEqual(["configmap/settings"]);
});

test("a volume is not made while its object lacks a key", () => {
  const story = new PodStory();
  story.write(0, settings, { data: {} });
  story.pod(20, { spec });
  story.does(100, "decide", 'mount volumes: MountVolume.SetUp failed for volume "settings" : references non-existent config key: colour');
  expect(volumes(story)[1]?.[1]).toBe("waits");
});
