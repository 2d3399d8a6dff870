import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { madeRecording } from "../dev/recording";
import { FakeSocket } from "../dev/socket";
import { sameServer, type Server } from "./server";
import { Session } from "./session.svelte";

describe("a session", () => {
  const { snapshot, frames } = madeRecording();
  let sockets: FakeSocket[];
  let session: Session;
  let server: Server;
  let refusing: boolean;
  let stop: () => void;
  const say = (message: unknown) => sockets.at(-1)?.say(JSON.stringify(message));
  const hello = (mode: string) => ({ hello: { cluster: "kubelab", mode, role: "student", terminal: true, labs: true } });
  const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);

  beforeEach(async () => {
    vi.useFakeTimers();
    sockets = [];
    refusing = false;
    server = {
      get: () => Promise.reject(new Error()),
      post: () => Promise.reject(new Error()),
      socket: () => {
        const socket = new FakeSocket();
        if (refusing) socket.close();
        else socket.open(() => undefined);
        sockets.push(socket);
        return socket as unknown as WebSocket;
      },
    };
    session = new Session(server);
    stop = session.start();
    await wait(5);
    say(hello("live"));
  });
  afterEach(() => {
    stop();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it("follows what is live, and gives each frame once to be animated", async () => {
    say({ snapshot });
    await wait(50);
    const seen: number[] = [];
    for (let i = 0; i < frames.length; i += 7) {
      say({ frames: frames.slice(i, i + 7) });
      await wait(16);
      seen.push(...session.fresh.map((frame) => frame.seq));
    }
    expect(session.now.seq).toBe(frames.at(-1)?.seq);
    expect([...new Set(seen)]).toEqual(frames.map((frame) => frame.seq));
  });

  it("stays where the person is while more happens, and animates no jump", async () => {
    say({ snapshot });
    say({ frames: frames.slice(0, 50) });
    await wait(50);
    session.scrub(snapshot.seq + 20);
    expect(session.fresh).toEqual([]);
    say({ frames: frames.slice(50) });
    await wait(50);
    expect(session.now.seq).toBe(snapshot.seq + 20);
    expect(session.last).toBe(frames.at(-1)?.seq);
    session.live();
    await wait(50);
    expect(session.now.seq).toBe(frames.at(-1)?.seq);
  });

  it("keeps in a page that nobody sees no more than in one that is drawn", async () => {
    const crowd = madeRecording(60);
    vi.stubGlobal("requestAnimationFrame", () => 0);
    await wait(20); // the last one that was asked for
    say({ snapshot: crowd.snapshot });
    for (const frame of crowd.frames) say({ frames: [frame] });
    expect((crowd.frames.at(-1)?.seq ?? 0) - session.history.last).toBeLessThan(500);
    vi.unstubAllGlobals();
  });

  it("begins anew when frames are missing, and keeps its past and its place when the same stream goes on", async () => {
    say({ snapshot });
    say({ frames: frames.slice(0, 50) });
    await wait(50);
    session.scrub(snapshot.seq + 20);
    say({ frames: frames.slice(60, 70) });
    await wait(1_000);
    expect(sockets.length).toBe(2);
    say(hello("live"));
    say({ snapshot });
    say({ frames });
    await wait(50);
    expect(session.now.seq).toBe(snapshot.seq + 20);
    expect(session.history.first).toBe(snapshot.seq);
    expect(session.last).toBe(frames.at(-1)?.seq);
  });

  it("shows the state of another server that counts anew", async () => {
    say({ snapshot });
    say({ frames });
    await wait(50);
    say({ snapshot: { ...snapshot, seq: 120, time: "2026-03-02T10:00:00Z", objects: [] } });
    await wait(50);
    expect(session.now.objects.size).toBe(0);
    expect(session.history.first).toBe(120);
  });

  it("shows a recording from its start, paused, and plays it to its end", async () => {
    say(hello("replay"));
    say({ recording: { from: snapshot.time, to: frames.at(-1)?.time, frames: frames.length } });
    say({ snapshot });
    say({ frames });
    await wait(50);
    expect(session.clock.mode).toBe("paused");
    expect(session.now.seq).toBe(snapshot.seq);
    session.play();
    await wait(20_000);
    expect(session.clock).toMatchObject({ mode: "paused", seq: frames.at(-1)?.seq });
  });

  it("has ended where the server answers that it does not know the browser, and only there", async () => {
    let status = 503;
    vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify({ error: "Get a new address." }), { status })));
    server.get = sameServer.get;
    refusing = true;
    sockets[0]?.close();
    await wait(3_000);
    expect(session.connection).toBe("lost");
    status = 401;
    await wait(20_000);
    expect(session.connection).toBe("ended");
    expect(session.why).toBe("Get a new address.");
  });

  it("shows a notice until it is cleared", async () => {
    say({ notice: { level: "error", text: "The cluster does not answer." } });
    expect(session.notice?.text).toContain("not answer");
    say({ notice: { level: "clear", text: "" } });
    expect(session.notice).toBeUndefined();
  });
});
