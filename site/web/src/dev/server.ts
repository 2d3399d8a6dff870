// A server without a cluster, for those who work on the pages: it streams the made recording.

import type { Server } from "../lib/server";
import type { Chapter, Hello, LabCheck, Step } from "../lib/types";
import { book, chapterNamed, faults, gates, operatorSource } from "./book";
import { FakeLab } from "./lab";
import { madeRecording, type Made } from "./recording";
import { FakeSocket } from "./socket";

export class FakeServer implements Server {
  readonly #made: Made;
  readonly #mode: Hello["mode"];
  #gates = gates;
  readonly #lab = new FakeLab();

  constructor(mode: Hello["mode"], made = madeRecording()) {
    this.#made = made;
    this.#mode = mode;
  }

  async get<T>(path: string): Promise<T> {
    const url = new URL(path, location.href);
    const answer = this.#answer(url);
    if (answer === undefined) throw new Error(`There is no ${url.pathname} here.`);
    return answer as T;
  }

  #answer({ pathname, searchParams }: URL): unknown {
    const [, , what, name = ""] = pathname.split("/");
    switch (what) {
      case "book":
        return book;
      case "chapters":
        return withLab(chapterNamed(name), this.#lab);
      case "labs":
        return this.#lab.shown;
      case "why":
        return { steps: chain(this.#made, searchParams.get("ref") ?? ""), left: 0 };
      case "source":
        return { file: searchParams.get("file"), text: operatorSource.repeat(12) };
      case "faults":
        return { faults };
      case "gates":
        return { gates: this.#gates };
      default:
        return undefined;
    }
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    const asked = body as { loop?: string; action?: string; kind?: string; target?: string; step?: string; answers?: string[] };
    if (path === "/api/fault") return { command: `kube ${asked.kind} ${asked.target}` } as T;
    if (path.startsWith("/api/labs/")) return this.#lab.does(path.split("/").at(-1) ?? "", asked.step ?? "", asked.answers ?? []) as T;
    this.#gates = this.#gates.map((gate) => (gate.loop === asked.loop ? { ...gate, held: asked.action !== "release", waiting: asked.action === "hold" ? [{ resource: "pods", namespace: "default", name: "web-6b7c9f8d54-z8q4t" }] : [] } : gate));
    return { gates: this.#gates } as T;
  }

  socket(path: string): WebSocket {
    const socket = new FakeSocket();
    const url = new URL(path, location.href);
    const talk = { "/ws/stream": () => this.#stream(socket), "/ws/terminal": () => shell(socket), "/ws/lab": () => judge(socket, this.#lab, url.searchParams.get("step") ?? "") }[url.pathname];
    if (talk) socket.open(talk);
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

/** Every step on an object, and what led to each. */
function chain({ snapshot, frames }: Made, ref: string): Step[] {
  const steps = [...(snapshot.steps ?? []), ...frames.flatMap((frame) => frame.step ?? [])];
  const byId = new Map(steps.map((step) => [step.id, step]));
  const picked = new Set<string>();
  const pick = (id: string) => {
    if (picked.has(id)) return;
    picked.add(id);
    for (const cause of byId.get(id)?.causes ?? []) pick(cause);
  };
  for (const step of steps) if (ref === [step.object.resource, step.object.namespace, step.object.name].filter(Boolean).join("/")) pick(step.id);
  return steps.filter((step) => picked.has(step.id));
}

/** Echoes what is typed. */
function shell(socket: FakeSocket): void {
  const say = (text: string) => socket.say(new TextEncoder().encode(text).buffer);
  const prompt = "\x1b[32malice@vm\x1b[0m:\x1b[34m~\x1b[0m$ ";
  say(prompt);
  socket.heard = (data) => {
    if (typeof data === "string") return;
    const text = new TextDecoder().decode(data);
    say(text.replaceAll("\r", `\r\nkubectl: there is no cluster behind this page\r\n${prompt}`));
  };
}

function withLab(chapter: Chapter | undefined, lab: FakeLab): Chapter | undefined {
  return chapter?.lab ? { ...chapter, lab: lab.shown } : chapter;
}

/** Finds a step undone three times, then done. */
function judge(socket: FakeSocket, lab: FakeLab, id: string): void {
  const { steps, challenges } = lab.shown;
  const task = [...steps, ...(challenges ?? [])].find((other) => other.id === id);
  let looks = 0;
  const look = () => {
    if (socket.readyState !== 1) return;
    const done = task?.done === true || ++looks > 3;
    if (done) lab.done(id);
    const found = (all: LabCheck[] | null | undefined, passed: boolean) => (all ?? []).map(({ run, says, expect }) => ({ run, ...(says && { says }), passed, expected: expect, seen: passed ? expect : "2" }));
    socket.say(JSON.stringify({ step: id, done, checks: found(task?.check, done), holds: found(task?.holds, true), ...(!done && { hint: "One pod is still starting: its container waits for its image." }) }));
    setTimeout(look, 2_000);
  };
  look();
}
