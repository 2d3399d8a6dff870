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
});
