// How the pages look: kept in this browser.

export type Theme = "auto" | "light" | "dark";

const dark = matchMedia("(prefers-color-scheme: dark)");

class Look {
  theme = $state<Theme>(kept("theme", ["auto", "light", "dark"]));
  /** Larger type, for a room. */
  projector = $state(kept("size", ["normal", "projector"]) === "projector");
  #systemDark = $state(dark.matches);

  constructor() {
    dark.addEventListener("change", () => (this.#systemDark = dark.matches));
  }

  get dark(): boolean {
    return this.theme === "auto" ? this.#systemDark : this.theme === "dark";
  }

  /** Puts the choice on the document, and remembers it. */
  show(): void {
    document.documentElement.dataset.theme = this.dark ? "dark" : "light";
    document.documentElement.dataset.size = this.projector ? "projector" : "normal";
    keep("theme", this.theme);
    keep("size", this.projector ? "projector" : "normal");
  }
}

function kept<T extends string>(name: string, allowed: readonly [T, ...T[]]): T {
  const value = localStorage.getItem(`kubelab.${name}`);
  return allowed.find((a) => a === value) ?? allowed[0];
}

function keep(name: string, value: string): void {
  localStorage.setItem(`kubelab.${name}`, value);
}

export const look = new Look();
