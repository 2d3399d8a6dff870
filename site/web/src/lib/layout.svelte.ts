// How the panes share the window: kept in this browser.

export type PaneName = "chapter" | "picture" | "terminal";

interface Kept {
  left: number;
  bottom: number;
  collapsed: PaneName[];
}

const usual: Kept = { left: 0.34, bottom: 0.28, collapsed: [] };

class Layout {
  /** The share of the left pane in the width, and of the terminal in the height. */
  left = $state(usual.left);
  bottom = $state(usual.bottom);
  collapsed = $state<PaneName[]>([]);
  maximised = $state<PaneName>();

  constructor() {
    try {
      const kept = { ...usual, ...(JSON.parse(localStorage.getItem("kubelab.layout") ?? "{}") as Partial<Kept>) };
      this.left = within(kept.left);
      this.bottom = within(kept.bottom);
      this.collapsed = kept.collapsed.filter((name) => name !== "picture");
    } catch {
      localStorage.removeItem("kubelab.layout");
    }
  }

  resize(which: "left" | "bottom", share: number): void {
    this[which] = within(share);
    this.#keep();
  }

  toggle(name: PaneName): void {
    this.maximised = undefined;
    this.collapsed = this.collapsed.includes(name) ? this.collapsed.filter((other) => other !== name) : [...this.collapsed, name];
    this.#keep();
  }

  open(name: PaneName): void {
    if (this.collapsed.includes(name)) this.toggle(name);
    if (this.maximised !== name) this.maximised = undefined;
  }

  maximise(name: PaneName): void {
    this.maximised = this.maximised === name ? undefined : name;
  }

  #keep(): void {
    localStorage.setItem("kubelab.layout", JSON.stringify({ left: this.left, bottom: this.bottom, collapsed: this.collapsed }));
  }
}

function within(share: number): number {
  return Math.min(0.75, Math.max(0.15, share));
}

export const layout = new Layout();
