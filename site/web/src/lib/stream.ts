import type { StreamMessage } from "./types";

export type Connection = "connecting" | "open" | "lost";

export interface StreamListener {
  connection(state: Connection): void;
  /** False says that the message cannot be used, a gap for one: the stream then begins anew, with a snapshot. */
  message(message: StreamMessage): boolean;
}

const firstWait = 250;
const longestWait = 8_000;

/** The websocket of the stream. It connects again by itself, ever less often while nobody answers. */
export class Stream {
  readonly #open: () => WebSocket;
  readonly #listener: StreamListener;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = firstWait;
  #stopped = false;

  constructor(open: () => WebSocket, listener: StreamListener) {
    this.#open = open;
    this.#listener = listener;
  }

  start(): void {
    this.#stopped = false;
    this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  /** Connects at once, without waiting out the pause. */
  retry(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#wait = firstWait;
    this.#connect();
  }

  #connect(): void {
    this.#timer = undefined;
    this.#listener.connection("connecting");
    const socket = this.#open();
    this.#socket = socket;
    socket.addEventListener("message", ({ data }: MessageEvent<string>) => {
      if (socket === this.#socket && !this.#listener.message(JSON.parse(data) as StreamMessage)) this.#again(socket);
      else this.#wait = firstWait;
    });
    socket.addEventListener("open", () => this.#listener.connection("open"));
    socket.addEventListener("close", () => this.#again(socket));
  }

  #again(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    socket.close();
    if (this.#stopped) return;
    this.#listener.connection("lost");
    // Not all pages at the same moment, when a server comes back.
    this.#timer = setTimeout(() => this.#connect(), this.#wait * (0.75 + Math.random() / 2));
    this.#wait = Math.min(longestWait, this.#wait * 2);
  }
}
