/** The shells that are open: which they are, not what they print. */
export class TerminalSessions {
  static readonly most = 3;
  open = $state<number[]>([]);
  chosen = $state<number>();
  /** What waits for the first shell to be there. */
  typed: string[] = [];
  #next = 1;
  #listener: { type(text: string): void; focus(): void } | undefined;

  add = (): void => {
    if (this.open.length >= TerminalSessions.most) return;
    this.open.push(this.#next);
    this.chosen = this.#next++;
  };

  close = (id: number): void => {
    this.open = this.open.filter((other) => other !== id);
    if (this.chosen === id) this.chosen = this.open.at(-1);
    if (this.open.length === 0) this.add();
  };

  /** Types into the shell that is in front, and opens one where there is none. */
  type = (text: string): void => {
    if (this.#listener && this.chosen !== undefined) this.#listener.type(text);
    else {
      this.typed.push(text);
      this.add();
    }
  };

  focus = (): void => this.#listener?.focus();

  listen(listener: { type(text: string): void; focus(): void }): () => void {
    this.#listener = listener;
    return () => (this.#listener = undefined);
  }
}
