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
