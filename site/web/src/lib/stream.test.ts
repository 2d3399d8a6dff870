import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeSocket } from "../dev/socket";
import { Stream } from "./stream";

describe("the stream", () => {
  const sockets: FakeSocket[] = [];
  const states: string[] = [];
  let usable = true;
  let refusing = false;
  let out: string | undefined;
  let stream: Stream;

  beforeEach(() => {
    vi.useFakeTimers();
    [sockets.length, states.length, usable, refusing, out] = [0, 0, true, false, undefined];
    const open = () => {
      const socket = new FakeSocket();
      if (refusing) socket.close();
      else socket.open(() => undefined);
      sockets.push(socket);
      return socket as unknown as WebSocket;
    };
    stream = new Stream(open, () => Promise.resolve(out), { connection: (state, why) => states.push(why ? `${state}: ${why}` : state), message: () => usable });
    stream.start();
  });
  afterEach(() => {
    stream.stop();
    vi.useRealTimers();
  });

  it("connects again after the connection is gone, ever less often while nobody answers", async () => {
    await vi.advanceTimersByTimeAsync(1);
    expect(states).toEqual(["connecting", "open"]);
    const gone = async () => {
      const before = sockets.length;
      sockets.at(-1)?.close();
      let waited = 0;
      for (; sockets.length === before && waited < 20_000; waited += 50) await vi.advanceTimersByTimeAsync(50);
      return waited;
    };
    const waits = [await gone(), await gone(), await gone(), await gone(), await gone(), await gone(), await gone()];
    expect(states).toContain("lost");
    expect(waits[0]).toBeLessThan(400);
    expect(waits[3]).toBeGreaterThan(1_000);
    expect(waits[6]).toBeLessThan(12_000);
  });

  it("begins anew when a message cannot be used, and asks quickly again once messages come", async () => {
    await vi.advanceTimersByTimeAsync(1);
    usable = false;
    sockets[0]?.say("{}");
    await vi.advanceTimersByTimeAsync(500);
    expect(sockets.length).toBe(2);
    usable = true;
    sockets[1]?.say("{}");
    sockets[1]?.close();
    await vi.advanceTimersByTimeAsync(400);
    expect(sockets.length).toBe(3);
  });

  it("asks no more where the browser is not let in any more, and says what the server says", async () => {
    await vi.advanceTimersByTimeAsync(1);
    refusing = true;
    sockets[0]?.close();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(states.at(-1)).toBe("lost");
    out = "The session has ended.";
    await vi.advanceTimersByTimeAsync(10_000);
    const tried = sockets.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(states.at(-1)).toBe("ended: The session has ended.");
    expect(sockets.length).toBe(tried);
  });

  it("stays closed when it is stopped", async () => {
    stream.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sockets.length).toBe(1);
  });
});
