import type { StreamMessage } from "./types";

/** "ended": the server does not let this browser in any more, and it is not asked again. */
export type Connection = "connecting" | "open" | "lost" | "ended";

export interface StreamListener {
  connection(state: Connection, why: string): void;
  /** False says that the message cannot be used, a gap for one: the stream then begins anew, with a snapshot. */
  message(message: StreamMessage): boolean;
}

const firstWait = 250;
const longestWait = 8_000;
/** With this code the server hangs up on one too many (RFC 6455's registry: try again later). */
export const tooMany = 1013;

/** The websocket of the stream. It connects again by itself, ever less often while nobody answers. */
export class Stream {
  readonly #open: () => WebSocket;
  readonly #listener: StreamListener;
  /** Why this browser is not let in any more, asked when a websocket is refused; undefined: it is. */
  readonly #signedOut: () => Promise<string | undefined>;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = firstWait;
  #stopped = false;

  constructor(open: () => WebSocket, signedOut: () => Promise<string | undefined>, listener: StreamListener) {
    this.#open = open;
    this.#signedOut = signedOut;
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
    this.#listener.connection("connecting", "");
    const socket = this.#open();
    let opened = false;
    this.#socket = socket;
    socket.addEventListener("message", ({ data }: MessageEvent<string>) => {
      if (socket === this.#socket && !this.#listener.message(JSON.parse(data) as StreamMessage)) this.#again(socket);
      else this.#wait = firstWait;
    });
    socket.addEventListener("open", () => {
      opened = true;
      this.#listener.connection("open", "");
    });
    socket.addEventListener("close", ({ code, reason }) => {
      if (opened) this.#again(socket, code === tooMany ? reason : "");
      else void this.#refused(socket);
    });
  }

  async #refused(socket: WebSocket): Promise<void> {
    const why = await this.#signedOut();
    if (why === undefined) this.#again(socket);
    else if (socket === this.#socket) {
      this.stop();
      this.#listener.connection("ended", why);
    }
  }

  #again(socket: WebSocket, why = ""): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    socket.close();
    if (this.#stopped) return;
    this.#listener.connection("lost", why);
    // Not all pages at the same moment, when a server comes back.
    this.#timer = setTimeout(() => this.#connect(), this.#wait * (0.75 + Math.random() / 2));
    this.#wait = Math.min(longestWait, this.#wait * 2);
  }
}
