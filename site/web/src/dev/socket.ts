/** The browser's half of a websocket without a network: what the page sends goes to heard. */
export class FakeSocket extends EventTarget {
  readyState = 0;
  binaryType: BinaryType = "blob";
  heard: (data: string | Uint8Array) => void = () => undefined;

  /** Opens it a moment later, as a real one does. */
  open(then: () => void): void {
    setTimeout(() => {
      if (this.readyState !== 0) return;
      this.readyState = 1;
      this.dispatchEvent(new Event("open"));
      then();
    });
  }

  say(data: unknown): void {
    if (this.readyState === 1) this.dispatchEvent(new MessageEvent("message", { data }));
  }

  send(data: string | Uint8Array): void {
    this.heard(data);
  }

  close(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    queueMicrotask(() => this.dispatchEvent(new Event("close")));
  }
}
