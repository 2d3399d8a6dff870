// Where a person is, as the part of the address after #: a reload, or a link sent to somebody, comes back to it.

export interface Route {
  chapter?: string;
  /** What the left pane shows. */
  pane?: "read" | "lab";
  step?: string;
  view?: string;
  object?: string;
  /** The object whose chain is open. */
  why?: string;
  /** A file of the house, with a line: kube/scheduler/operator.go:73. */
  source?: string;
}

const names = ["chapter", "pane", "step", "view", "object", "why", "source"] as const;

export function readRoute(hash: string): Route {
  const asked = new URLSearchParams(hash.replace(/^#/, ""));
  const route: Route = {};
  for (const name of names) {
    const value = asked.get(name);
    if (!value) continue;
    if (name === "pane") route.pane = value === "lab" ? "lab" : "read";
    else route[name] = value;
  }
  return route;
}

/** The same, written: names of objects stay readable. */
export function writeRoute(route: Route): string {
  return names
    .filter((name) => route[name])
    .map((name) => `${name}=${encodeURIComponent(route[name] ?? "").replaceAll("%2F", "/").replaceAll("%3A", ":")}`)
    .join("&");
}

/** The route after some of it changed; undefined takes a part away. */
export function changed(route: Route, change: { [name in keyof Route]: Route[name] | undefined }): Route {
  return readRoute(writeRoute({ ...route, ...change } as Route));
}
