// A server without a cluster, for those who work on the pages: it streams the made recording.

import type { Server } from "../lib/server";
import type { Hello } from "../lib/types";
import { madeRecording, type Made } from "./recording";
import { FakeSocket } from "./socket";

export class FakeServer implements Server {
  readonly #made: Made;
  readonly #mode: Hello["mode"];

  constructor(mode: Hello["mode"], pods = 3) {
    this.#made = madeRecording(pods);
    this.#mode = mode;
  }

  get<T>(path: string): Promise<T> {
    return Promise.reject(new Error(`nothing is at ${path}`));
  }

  post<T>(path: string): Promise<T> {
    return Promise.reject(new Error(`nothing is at ${path}`));
  }

  socket(path: string): WebSocket {
    const socket = new FakeSocket();
    if (path === "/ws/stream") socket.open(() => this.#stream(socket));
    return socket as unknown as WebSocket;
  }

  #stream(socket: FakeSocket): void {
    const { snapshot, frames } = this.#made;
    const say = (message: unknown) => socket.say(JSON.stringify(message));
    say({ hello: { cluster: "kubelab", mode: this.#mode, role: "student", terminal: this.#mode === "live", labs: true, shell: "alice" } });
    if (this.#mode === "replay") say({ recording: { from: snapshot.time, to: frames.at(-1)?.time, frames: frames.length } });
    say({ snapshot });
    if (this.#mode === "replay") say({ frames });
    else this.#tell(say, Date.parse(snapshot.time));
  }

  /** Sends the frames at the pace at which they were made. */
  #tell(say: (message: unknown) => void, from: number): void {
    const started = Date.now();
    let sent = 0;
    const timer = setInterval(() => {
      const due = this.#made.frames.slice(sent).filter((frame) => Date.parse(frame.time) - from <= Date.now() - started);
      sent += due.length;
      if (due.length > 0) say({ frames: due });
      if (sent === this.#made.frames.length) clearInterval(timer);
    }, 50);
  }
}
