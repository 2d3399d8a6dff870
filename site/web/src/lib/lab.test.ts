import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { lab } from "../dev/book";
import { FakeServer } from "../dev/server";
import { LabWork } from "./lab.svelte";
import type { Server } from "./server";

describe("a lab", () => {
  const opened: string[] = [];
  let work: LabWork;
  beforeEach(() => {
    vi.useFakeTimers();
    opened.length = 0;
    work = new LabWork(new FakeServer("live"), { opened: (step) => opened.push(step.id), mayCheck: () => true });
  });
  afterEach(() => {
    work.end();
    vi.useRealTimers();
  });

  it("opens the first step that is not done, or the one that the address names", () => {
    work.take(lab);
    expect(work.open).toBeUndefined();
    work.begin();
    expect(work.open).toBe("delete");
    work.begin("orphan");
    expect(opened).toEqual(["delete", "orphan"]);
    expect(lab.steps[2] && work.missing(lab.steps[2])).toEqual(["Delete one, and watch"]);
  });

  it("shows what the checks see, ticks the step off the moment that it is true, and leaves it open: there may be more to look at", async () => {
    work.take(lab);
    work.begin();
    await vi.advanceTimersByTimeAsync(10);
    expect(work.verdict).toMatchObject({ done: false, checks: [{ passed: false, expected: "3", seen: "2" }, { passed: false }] });
    expect(work.verdict?.hint).toContain("still starting");
    await vi.advanceTimersByTimeAsync(6_010);
    expect([...work.done]).toEqual(["create", "delete"]);
    expect(work.said).toContain("done");
    await vi.advanceTimersByTimeAsync(60_000);
    expect([work.open, work.next?.id]).toEqual(["delete", "orphan"]);
  });

  /** A server that keeps the sockets it gave. */
  function counted(sockets: WebSocket[]): Server {
    const fake = new FakeServer("live");
    return { get: (path) => fake.get(path), post: (path, body) => fake.post(path, body), socket: (path) => (sockets.push(fake.socket(path)), sockets.at(-1) as WebSocket) };
  }

  it("asks again when the connection is gone, and leaves its step only when it is told", async () => {
    const sockets: WebSocket[] = [];
    work = new LabWork(counted(sockets), { opened: () => undefined, mayCheck: () => true });
    work.take(lab);
    work.begin();
    await vi.advanceTimersByTimeAsync(10);
    sockets[0]?.close();
    await vi.advanceTimersByTimeAsync(2_100);
    expect(sockets.length).toBe(2);
    work.go(undefined);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sockets.length).toBe(2);
  });

  it("checks nothing for who only looks on", async () => {
    const sockets: WebSocket[] = [];
    work = new LabWork(counted(sockets), { opened: () => undefined, mayCheck: () => false });
    work.take(lab);
    work.begin();
    await vi.advanceTimersByTimeAsync(10_000);
    expect([work.open, sockets.length]).toEqual(["delete", 0]);
  });

  it("asks before it tells: nothing is checked and no command is there until every question has an answer", async () => {
    const sockets: WebSocket[] = [];
    work = new LabWork(counted(sockets), { opened: () => undefined, mayCheck: () => true });
    work.take(lab);
    work.begin("break");
    await vi.advanceTimersByTimeAsync(5_000);
    expect([sockets.length, work.step?.waits, work.step?.run?.length]).toEqual([0, true, 0]);
    await work.predict(["They run on", "?"]);
    expect([sockets.length, work.step?.waits, work.step?.run]).toEqual([1, false, ["kube kill controllers"]]);
    expect(work.step?.predict?.map(({ said, found }) => [said, found])).toEqual([["They run on", undefined], ["?", undefined]]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(work.step?.predict?.map(({ said, found, right }) => [said, found, right])).toEqual([["They run on", "They run on", true], ["?", "0.4", false]]);
  });

  it("opens hints one at a time, and of a faded step the commands are the last", async () => {
    work.take(lab);
    work.begin("orphan");
    const seen = [];
    for (let i = 0; i < 5; i++) {
      await work.hint();
      seen.push([work.step?.opened, work.step?.hints?.length, work.step?.run?.length]);
    }
    expect(seen).toEqual([[1, 1, 0], [2, 2, 0], [3, 2, 1], [3, 2, 1], [3, 2, 1]]);
  });

  it("makes the fault of a challenge when it is told, and tells what was wrong when it is mended", async () => {
    const sockets: WebSocket[] = [];
    work = new LabWork(counted(sockets), { opened: () => undefined, mayCheck: () => true });
    work.take(lab);
    work.begin("five");
    await vi.advanceTimersByTimeAsync(5_000);
    expect([sockets.length, work.challenge?.begun]).toEqual([0, false]);
    await work.challengeMe();
    expect([sockets.length, work.challenge?.begun, work.challenge?.debrief]).toEqual([1, true, undefined]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([work.done.has("five"), work.challenge?.debrief]).toEqual([true, expect.stringContaining("lost their label")]);
  });

  it("begins anew with no step done", async () => {
    work.take(lab);
    work.begin();
    await work.reset();
    expect(work.done.size).toBe(0);
    expect(work.open).toBe("create");
  });

  describe("that would meet what others have left", () => {
    const fresh = { ...lab, steps: lab.steps.map((step) => ({ ...step, done: false })), leftovers: [{ name: "09-loop", title: "One turn at a time" }] };
    const sockets: WebSocket[] = [];
    beforeEach(() => {
      sockets.length = 0;
      work = new LabWork(counted(sockets), { opened: () => undefined, mayCheck: () => true });
    });

    it("checks nothing until a person has chosen", async () => {
      work.take(fresh);
      work.begin();
      await vi.advanceTimersByTimeAsync(10_000);
      expect([work.asks, work.open, sockets.length]).toEqual([true, undefined, 0]);
      work.asItIs();
      expect([work.asks, work.open, sockets.length]).toEqual([false, "create", 1]);
    });

    it("begins in a cluster that was tidied", async () => {
      work.take(fresh);
      work.begin();
      await work.tidy();
      expect([work.asks, work.open, sockets.length, work.busy]).toEqual([false, "create", 1, false]);
    });

    it("does not ask in the midst of a lab, nor who only looks on", () => {
      work.take({ ...lab, leftovers: fresh.leftovers });
      expect(work.asks).toBe(false);
      work = new LabWork(counted(sockets), { opened: () => undefined, mayCheck: () => false });
      work.take(fresh);
      work.begin();
      expect([work.asks, work.open]).toEqual([false, "create"]);
    });
  });

  it("takes over what the cluster keeps: a reset elsewhere takes the ticks away", async () => {
    const fake = new FakeServer("live");
    let socket: WebSocket | undefined;
    work = new LabWork({ get: (path) => fake.get(path), post: (path, body) => fake.post(path, body), socket: () => (socket = new EventTarget() as WebSocket) && Object.assign(socket, { close: () => undefined }) }, { opened: () => undefined, mayCheck: () => true });
    work.take(lab);
    work.begin();
    const hear = (verdict: object) => socket?.dispatchEvent(new MessageEvent("message", { data: JSON.stringify({ step: "delete", done: false, checks: [], ...verdict }) }));
    hear({ done: true, progress: ["create", "delete"] });
    expect([...work.done]).toEqual(["create", "delete"]);
    expect(work.said).toContain("done");
    hear({ progress: null });
    expect([...work.done]).toEqual(["create", "delete"]);
    hear({ progress: [] });
    expect([work.done.size, work.open]).toEqual([0, "delete"]);
  });
});
