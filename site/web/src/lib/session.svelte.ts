import { goLive, liveClock, nextStep, pause, play, previousStep, scrub, tick, withSpeed, type Clock } from "./clock";
import { emptyState, History, usualLimits, type Limits, type State } from "./model";
import { signedOut, type Server } from "./server";
import { Stream, type Connection } from "./stream";
import type { Frame, Hello, Notice, Recording, StreamMessage } from "./types";

const unlimited: Limits = { frames: Infinity, checkpoint: 500, steps: Infinity };
/** More frames than this at once are a jump, not something to watch. */
const watchable = 400;

const nothing = new History({ seq: 0, time: "1970-01-01T00:00:00Z", cluster: "", objects: null, facts: null, steps: null });

/** What the server streams, and the moment of it that is shown. Everything here changes at most once per animation frame. */
export class Session {
  hello = $state.raw<Hello>();
  connection = $state<Connection>("connecting");
  /** What the server says of a connection that is lost or ended. */
  why = $state("");
  notice = $state.raw<Notice>();
  recording = $state.raw<Recording>();
  history = $state.raw<History>(nothing);
  /** The number of the newest frame: history is one object that grows, and this says when it has. */
  last = $state(0);
  clock = $state.raw<Clock>(liveClock);
  /** The state that is shown. */
  now = $state.raw<State>(emptyState);
  /** The frames that came into view by time passing: what the pictures animate. Empty after a jump. */
  fresh = $state.raw<readonly Frame[]>([]);

  readonly #stream: Stream;
  #inbox: Frame[] = [];
  #frame = 0;
  #ticked = 0;

  constructor(server: Server) {
    this.#stream = new Stream(() => server.socket("/ws/stream"), () => signedOut(server), {
      connection: (state, why) => {
        this.connection = state;
        this.why = why;
      },
      message: (message) => this.#take(message),
    });
  }

  get replay(): boolean {
    return this.hello?.mode === "replay";
  }

  start(): () => void {
    this.#stream.start();
    const loop = (at: number) => {
      this.#tick(at - (this.#ticked || at));
      this.#ticked = at;
      this.#frame = requestAnimationFrame(loop);
    };
    this.#frame = requestAnimationFrame(loop);
    return () => {
      cancelAnimationFrame(this.#frame);
      this.#stream.stop();
    };
  }

  retry = () => this.#stream.retry();
  pause = () => this.#set(pause(this.clock));
  play = () => this.#set(play(this.clock, this.history, this.replay));
  live = () => this.#set(goLive(this.clock));
  scrub = (seq: number) => this.#set(scrub(this.clock, this.history, seq));
  speed = (speed: number) => this.#set(withSpeed(this.clock, speed));
  /** Plays from a moment on, slowly for one. */
  playFrom = (seq: number, speed: number) => this.#set({ ...scrub(this.clock, this.history, seq), speed, mode: "playing" });
  nextStep = () => this.scrub(nextStep(this.history, this.clock.seq) ?? this.history.last);
  previousStep = () => this.scrub(previousStep(this.history, this.clock.seq) ?? this.history.first);
  toggle = () => (this.clock.mode === "paused" ? this.play() : this.pause());

  #take(message: StreamMessage): boolean {
    if (message.hello) this.#greet(message.hello);
    if (message.recording) this.recording = message.recording;
    if (message.notice) this.notice = message.notice.level === "clear" ? undefined : message.notice;
    if (message.snapshot && !this.history.has(message.snapshot)) this.#begin(new History(message.snapshot, this.replay ? unlimited : usualLimits));
    if (!message.frames?.length) return true;
    const expected = (this.#inbox.at(-1)?.seq ?? this.history.last) + 1;
    const first = message.frames[0];
    if (first && first.seq > expected) return false;
    this.#inbox.push(...message.frames.filter((frame) => frame.seq >= expected));
    if (this.#inbox.length > watchable) this.#gather(); // of a page that nobody sees no frame is drawn: what it keeps is bounded too
    return true;
  }

  #gather(): void {
    if (this.#inbox.length === 0) return;
    this.history.append(this.#inbox);
    this.#inbox = [];
    this.last = this.history.last;
  }

  #greet(hello: Hello): void {
    this.hello = hello;
    this.notice = hello.notice ? { level: "info", text: hello.notice } : undefined;
  }

  #begin(history: History): void {
    this.history = history;
    this.#inbox = [];
    this.last = history.last;
    const mode = this.replay ? "paused" : this.clock.mode;
    this.clock = { ...this.clock, mode, seq: history.first, time: history.firstTime };
    this.#show(this.clock, false);
  }

  /** A jump by hand: nothing is animated. */
  #set(clock: Clock): void {
    const moved = clock.seq !== this.clock.seq;
    this.clock = clock;
    if (moved) this.#show(clock, false);
  }

  #tick(passed: number): void {
    this.#gather();
    const clock = tick(this.clock, this.history, Math.min(passed, 250), this.replay);
    if (clock.seq === this.clock.seq && clock.mode === this.clock.mode && clock.time === this.clock.time) return;
    this.clock = clock;
    if (clock.seq !== this.now.seq) this.#show(clock, clock.mode !== "paused");
  }

  #show(clock: Clock, animate: boolean): void {
    this.fresh = animate && clock.seq - this.now.seq <= watchable ? this.history.between(this.now.seq, clock.seq) : [];
    this.now = this.history.at(clock.seq);
  }
}
