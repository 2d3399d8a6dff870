// The terminal of a page, as heard on its socket: what a program prints is all there, also what has scrolled away.
import { until } from "./browser.mjs";

const colours = /\x1b(\[[0-9;?]*[a-zA-Z]|\][^\x07]*\x07)/g;
const prompt = /(^|\n)[^\n]*[$#] $/;
/** For how long a terminal with a prompt must say nothing more, in milliseconds: two commands typed at once have a prompt between them. */
const silence = 150;

export class Terminal {
  #page;
  #heard = "";
  #last = 0;

  constructor(page) {
    this.#page = page;
    page.on("websocket", (socket) => {
      if (!socket.url().includes("/ws/terminal")) return;
      socket.on("framereceived", ({ payload }) => {
        if (typeof payload === "string") return;
        this.#heard += payload.toString("utf8");
        this.#last = Date.now();
      });
    });
  }

  /** Waits for the prompt. */
  async ready() {
    await until("the shell shows its prompt", () => this.#waits(0) || this.#text(0));
  }

  /** Does something that types a command, waits until it has ended, and returns what was printed. */
  async during(type) {
    const from = this.#heard.length;
    await type();
    await until("the command has ended", () => this.#waits(from) || this.#text(from).slice(-2_000));
    return this.#text(from);
  }

  /** Types a command, and Enter. A newline in it is the shell's Enter as well. */
  async type(command) {
    await this.#page.locator(".xterm-helper-textarea").last().focus();
    await this.#page.keyboard.insertText(command);
    await this.#page.keyboard.press("Enter");
  }

  /** What was printed last, as evidence. */
  get end() {
    return this.#text(0).slice(-2_000);
  }

  #waits(from) {
    const text = this.#text(from);
    return prompt.test(text) && (from === 0 || text.includes("\n")) && Date.now() - this.#last > silence;
  }

  #text(from) {
    return this.#heard.slice(from).replace(colours, "").replaceAll("\r", "");
  }
}
