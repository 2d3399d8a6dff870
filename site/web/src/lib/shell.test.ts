import { describe, expect, it } from "vitest";
import { spanOf, density, ticks } from "./density";
import { goLines } from "./highlight";
import { actionOf } from "./keys";
import { changed, readRoute, writeRoute } from "./route";

describe("the address", () => {
  it("comes back as it was written, with names of objects readable", () => {
    const route = { chapter: "03-pods", pane: "lab" as const, step: "a b", view: "pod", object: "pods/default/web-1", source: "kube/pods/plan.go:12" };
    expect(readRoute(`#${writeRoute(route)}`)).toEqual(route);
    expect(writeRoute(route)).toContain("object=pods/default/web-1");
    expect(changed(route, { step: undefined, object: undefined })).toEqual({ chapter: "03-pods", pane: "lab", view: "pod", source: "kube/pods/plan.go:12" });
    expect(readRoute("#nonsense&=&x=1")).toEqual({});
  });
});

describe("the keyboard", () => {
  const press = (key: string, more = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, ...more });
  it("belongs to the terminal and to fields while one types there, but for F6", () => {
    expect(actionOf(press(" "), false)).toBe("play");
    expect(actionOf(press(" "), true)).toBeUndefined();
    expect(actionOf(press("F6"), true)).toBe("nextPane");
    expect(actionOf(press("L"), false)).toBe("live");
    expect(actionOf(press("l", { ctrlKey: true }), false)).toBeUndefined();
    expect(actionOf(press("0"), false)).toBe("view10");
  });
});

describe("the strip of time", () => {
  const at = (time: number, component: string) => ({ seq: 1, time, step: { id: String(time), time: "", component, verb: "", object: { resource: "pods", name: "p" } } });
  it("counts each step within its span once, where it was, as whose it was", () => {
    const pieces = density([at(5, "kubelet"), at(99, "alice"), at(100, "kubelet"), at(101, "kubelet")], { from: 0, to: 100 }, 10);
    expect(pieces.map((counts) => [...counts])).toEqual([[["kubelet", 1]], [], [], [], [], [], [], [], [], [["person", 1], ["kubelet", 1]]]);
  });

  it("covers the end while it is live, the moment that is shown otherwise, and all of a recording", () => {
    expect(spanOf(0, 100, 10, 100, true)).toEqual({ from: 90, to: 100 });
    expect(spanOf(0, 100, 10, 50, false)).toEqual({ from: 45, to: 55 });
    expect(spanOf(0, 100, 10, 1, false)).toEqual({ from: 0, to: 10 });
    expect(spanOf(0, 100, Infinity, 50, false)).toEqual({ from: 0, to: 1000 });
  });

  it("has a scale of a few round times, also where a clock was wrong by years", () => {
    for (const to of [1, 60_000, 86_400_000, 365 * 86_400_000, Date.parse("9999-12-24")]) {
      const { times, every } = ticks({ from: 0, to });
      expect(times.length).toBeLessThan(9);
      expect(times.every((at) => at % every === 0)).toBe(true);
    }
  });
});

describe("source", () => {
  it("is highlighted line by line, and loses nothing", () => {
    const text = "package x\n\n/* over\n   lines <&> */\nfunc f() string { return `a\nb` }\n";
    const lines = goLines(text);
    const plain = lines.map((line) => new DOMParser().parseFromString(`<pre>${line || " "}</pre>`, "text/html").body.textContent);
    expect(plain.map((line) => line?.trimEnd())).toEqual(text.trimEnd().split("\n").map((line) => line.trimEnd()));
    for (const line of lines) expect((line.match(/<span/g) ?? []).length).toBe((line.match(/<\/span>/g) ?? []).length);
  });
});
