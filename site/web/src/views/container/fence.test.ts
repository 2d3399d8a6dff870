import { expect, test } from "vitest";
import { History } from "../../lib/model";
import type { Fact, Frame } from "../../lib/types";
import { containersOf, lastOf, limitsOf, sidesOf } from "./fence";

const time = "2026-11-21T10:00:00Z";
const about = (key: string, data: unknown = { id: "1", pid: 48213 }): Fact => ({ about: `container/${key}`, data });
const pod = { ref: { resource: "pods", namespace: "default", name: "web" }, revision: 1, body: { metadata: { name: "web", namespace: "default" } } };
const historyOf = (facts: Fact[]) => new History({ seq: 0, time, cluster: "c", objects: [pod], facts, steps: [] });

test("containers that no pod of the API has are there too, and come first", () => {
  expect(containersOf(historyOf([about("cri/fenced/main"), about("default/web/server")]).now).map(({ key, wanted }) => [key, wanted])).toEqual([
    ["cri/fenced/main", false],
    ["default/web/server", true],
  ]);
});

test("of a container that has ended the last that was told stays, at moments when it was known", () => {
  const history = historyOf([]);
  const frames: Frame[] = [{ seq: 1, time, fact: about("cri/fenced/main") }, { seq: 2, time, fact: about("cri/fenced/main", null) }];
  history.append(frames);
  expect(containersOf(history.now)).toEqual([]);
  expect(lastOf(history, "cri/fenced/main", 2)?.pid).toBe(48213);
  expect(lastOf(history, "cri/fenced/main", 0)).toBeUndefined();
});

test("a namespace is its own, the node's, or the machine's", () => {
  const namespaces = { net: { inode: 7, machine: 1 }, uts: { inode: 8, host: true, machine: 2 }, user: { inode: 3, host: true, machine: 3 } };
  expect(sidesOf({ id: "1", pid: 1, namespaces }).map(({ kind, verdict }) => [kind, verdict])).toEqual([["net", "own"], ["uts", "node"], ["user", "machine"]]);
});

test("limits are told in words, and none is told as none, in both versions of cgroups", () => {
  const says = (files: Record<string, string>) => limitsOf(files).map((limit) => [limit.file, limit.says, limit.binds]);
  expect(says({ "memory.max": "67108864", "cpu.max": "50000 100000" })).toEqual([["cpu.max", "0.5 of a CPU: 50000 of each 100000 µs", true], ["memory.max", "64 MiB of memory, and no byte more", true]]);
  expect(says({ "memory.max": "max", "cpu.max": "max 100000" }).map(([, words]) => words)).toEqual(["no limit", "no limit"]);
  expect(says({ "memory.limit_in_bytes": "9223372036854771712", "cpu.cfs_quota_us": "-1" }).map(([, , binds]) => binds)).toEqual([false, false]);
  expect(says({ "cpu.cfs_quota_us": "200000", "cpu.cfs_period_us": "100000" })[1]).toEqual(["cpu.cfs_quota_us", "2 of a CPU: 200000 of each 100000 µs", true]);
});
