// A stream of a cluster that never was, in place of the real one: the made recording of the pages' own tests, with as many pods as one likes.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const web = new URL("../web/", import.meta.url);

/** The made recording, compiled from its source. */
export async function made(pods) {
  const { createServer } = await import(createRequire(new URL("package.json", web)).resolve("vite"));
  const vite = await createServer({ root: fileURLToPath(web), configFile: false, logLevel: "error", server: { middlewareMode: true, ws: false, watch: null }, appType: "custom", optimizeDeps: { noDiscovery: true } });
  try {
    return (await vite.ssrLoadModule("/src/dev/recording.ts")).madeRecording(pods);
  } finally {
    await vite.close();
  }
}

/** What a page hears instead of its cluster. */
export class Stream {
  #socket;
  #open;

  constructor({ snapshot, frames }) {
    this.snapshot = snapshot;
    this.frames = frames;
    this.connected = new Promise((open) => (this.#open = open));
  }

  async replace(page) {
    await page.routeWebSocket(/\/ws\/stream/, (socket) => {
      this.#socket = socket;
      this.#say({ hello: { cluster: this.snapshot.cluster, mode: "live", role: "student", terminal: false, labs: false, shell: "" } });
      this.#say({ snapshot: this.snapshot });
      this.#open();
    });
  }

  /** Sends frames at once, in messages of so many. */
  async send(frames = this.frames, atOnce = 1_000) {
    await this.connected;
    for (let from = 0; from < frames.length; from += atOnce) this.#say({ frames: frames.slice(from, from + atOnce) });
  }

  /** Sends the frames at the pace at which they were made, as the server does: every 50 ms. */
  async tell() {
    await this.connected;
    const [began, start] = [Date.now(), Date.parse(this.snapshot.time)];
    for (let sent = 0; sent < this.frames.length; ) {
      await new Promise((again) => setTimeout(again, 50));
      const from = sent;
      while (sent < this.frames.length && Date.parse(this.frames[sent].time) - start <= Date.now() - began) sent++;
      if (sent > from) this.#say({ frames: this.frames.slice(from, sent) });
    }
  }

  #say(message) {
    this.#socket.send(JSON.stringify(message));
  }
}
