import { changed, readRoute, writeRoute, type Route } from "./route";

/** Where the person is. A change of chapter, step or picture can be gone back from. */
class Place {
  route = $state.raw<Route>(readRoute(location.hash));

  constructor() {
    addEventListener("hashchange", () => (this.route = this.#read()));
  }

  go(change: { [name in keyof Route]: Route[name] | undefined }): void {
    const next = changed(this.route, change);
    if (writeRoute(next) === writeRoute(this.route)) return;
    this.route = next;
    history.pushState(null, "", `#${writeRoute(next)}`);
  }

  /** A link in a chapter names a file only: all else stays as it is. */
  #read(): Route {
    const asked = readRoute(location.hash);
    if (asked.chapter || !this.route.chapter || !asked.source) return asked;
    const next = changed(this.route, asked);
    history.replaceState(null, "", `#${writeRoute(next)}`);
    return next;
  }
}

export const place = new Place();
