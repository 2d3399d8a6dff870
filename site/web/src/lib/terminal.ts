import { FitAddon } from "@xterm/addon-fit";
import { Terminal, type ITheme } from "@xterm/xterm";
import { signedOut, type Server } from "./server";
import { tooMany } from "./stream";

/** After so many bytes shown, the server is told: it sends at most 512 KiB that were not acknowledged. */
const ackEvery = 64 << 10;
/** The longest piece of typed or pasted text that is sent as one message. */
const longest = 16 << 10;
const another = "Press Enter for a new one.";

/** A shell on the machine of the cluster, in an element of the page. */
export class Line {
  readonly #server: Server;
  readonly #terminal: Terminal;
  readonly #fit = new FitAddon();
  readonly #ended: () => void;
  #socket: WebSocket | undefined;
  #shown = 0;
  #over = true;
  /** What is to be typed as soon as there is a shell. */
  #waiting: string[] = [];

  constructor(server: Server, theme: ITheme, fontSize: number, font: string, ended: () => void) {
    this.#server = server;
    this.#ended = ended;
    this.#terminal = new Terminal({ theme, fontSize, fontFamily: font, cursorBlink: false, scrollback: 5_000, minimumContrastRatio: 4.5 });
    this.#terminal.loadAddon(this.#fit);
    this.#terminal.attachCustomKeyEventHandler((event) => event.key !== "F6");
    this.#terminal.onData((text) => this.#typed(text));
    this.#terminal.onResize(({ cols, rows }) => this.#tell({ resize: { cols, rows } }));
  }

  open(element: HTMLElement): void {
    this.#terminal.open(element);
    this.#terminal.textarea?.setAttribute("aria-label", "Terminal");
    this.fit();
    this.#connect();
  }

  /** Types text, as if by hand. */
  type(text: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#send(text);
    else {
      this.#waiting.push(text);
      if (this.#over) this.#connect();
    }
    this.focus();
  }

  fit(): void {
    if (this.#terminal.element?.offsetParent) this.#fit.fit();
  }

  focus(): void {
    this.#terminal.focus();
  }

  look(theme: ITheme, fontSize: number): void {
    this.#terminal.options.theme = theme;
    this.#terminal.options.fontSize = fontSize;
    this.fit();
  }

  close(): void {
    this.#over = true;
    this.#socket?.close();
    this.#terminal.dispose();
  }

  #connect(): void {
    this.#over = false;
    const { cols, rows } = this.#terminal;
    const socket = this.#server.socket(`/ws/terminal?cols=${cols}&rows=${rows}`);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    let opened = false;
    socket.addEventListener("open", () => {
      opened = true;
      this.#tell({ resize: { cols: this.#terminal.cols, rows: this.#terminal.rows } });
      for (const text of this.#waiting.splice(0)) this.#send(text);
    });
    socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data !== "string") this.#print(new Uint8Array(data));
      else this.#end(`${exitMessage(data)} ${another}`);
    });
    socket.addEventListener("close", async ({ code, reason }) => {
      const out = opened ? undefined : await signedOut(this.#server);
      this.#end(out ?? `${code === tooMany ? reason : "The connection to the shell is gone"}. ${another}`);
    });
  }

  #print(bytes: Uint8Array): void {
    this.#terminal.write(bytes, () => {
      this.#shown += bytes.length;
      if (this.#shown < ackEvery) return;
      this.#tell({ ack: this.#shown });
      this.#shown = 0;
    });
  }

  #typed(text: string): void {
    if (!this.#over) this.#send(text);
    else if (text === "\r") this.#connect();
  }

  #send(text: string): void {
    const bytes = new TextEncoder().encode(text);
    for (let from = 0; from < bytes.length; from += longest) this.#socket?.send(bytes.slice(from, from + longest));
  }

  #tell(message: unknown): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#shown = 0;
    this.#socket?.close();
    this.#terminal.write(`\r\n\x1b[2m${reason}\x1b[0m\r\n`);
    this.#ended();
  }
}

function exitMessage(data: string): string {
  const { exit, error } = JSON.parse(data) as { exit?: number; error?: string };
  return error ?? (exit === 0 ? "The shell has ended." : `The shell has ended with code ${exit}.`);
}

/** The terminal's colours, taken from the page's. */
export function terminalTheme(dark: boolean): ITheme {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    background: color("surface"),
    foreground: color("ink"),
    cursor: color("accent"),
    cursorAccent: color("surface"),
    selectionBackground: dark ? "#2f4a6b" : "#bcd7f6",
    black: dark ? "#1d222b" : "#16191f",
    brightBlack: color("ink-soft"),
    red: color("bad"),
    brightRed: color("bad"),
    green: color("good"),
    brightGreen: color("good"),
    yellow: color("warn"),
    brightYellow: color("warn"),
    blue: color("who-apiserver"),
    brightBlue: color("who-apiserver"),
    magenta: color("who-controllers"),
    brightMagenta: color("who-scheduler"),
    cyan: color("who-etcd"),
    brightCyan: color("who-etcd"),
    white: dark ? "#c6cdd8" : "#565e6c",
    brightWhite: color("ink"),
  };
}
