import { render, screen } from "@testing-library/svelte";
import { expect, test } from "vitest";
import { History } from "../../lib/model";
import { clockTime } from "../../lib/time";
import type { Frame, Ref, Step, Versioned } from "../../lib/types";
import Creation from "../Creation.svelte";
import { choose, lastBody, livesOf, livesUpTo, nameOf } from "./lives";

const web: Ref = { resource: "pods", namespace: "default", name: "web" };
const other: Ref = { ...web, name: "other" };
const at = (second: number) => `2026-11-21T10:00:${String(second).padStart(2, "0")}Z`;
type What = Omit<Frame, "seq" | "time">;

/** A step with the revision r was done in the second r. */
function step(r: number, verb: string, more: Partial<Step> = {}): { step: Step } {
  return { step: { id: `r${r}`, time: at(r), component: "alice", verb, object: web, revision: r, ...more } };
}

function object(r: number, uid: string, ref = web): { object: Versioned } {
  return { object: { ref, revision: r, body: { metadata: { name: ref.name, uid } } } };
}

function historyOf(frames: readonly What[], objects: Versioned[] = [], steps: Step[] = []): History {
  const history = new History({ seq: 1, time: at(0), cluster: "c", objects, facts: [], steps });
  history.append(frames.map((what, i): Frame => ({ seq: i + 2, time: at(i + 2), ...what })));
  return history;
}

const first: What[] = [step(2, "create"), object(2, "one"), step(4, "delete"), { gone: web }];
const second: What[] = [step(10, "create"), object(10, "two"), step(12, "patch"), object(12, "two")];
const told = (frames: readonly What[], seq = 99) => livesOf(historyOf(frames), web, seq).map(({ uid, deleted, steps }) => [uid, deleted, steps.map((one) => one.step.id).join()]);

test("a name that is given again is another life, with what was done to it alone", () => {
  expect(told([...first, ...second])).toEqual([["two", false, "r10,r12"], ["one", true, "r2,r4"]]);
  expect(told([...first, ...second], 3)).toEqual([["one", false, "r2"]]);
});

test("a life begins with the step that creates it, and has its uid as soon as its object is told", () => {
  expect(told([...first, ...second], 6)).toEqual([[undefined, false, "r10"], ["one", true, "r2,r4"]]);
  expect(told([...first, ...second], 7)).toEqual([["two", false, "r10"], ["one", true, "r2,r4"]]);
});

test("of a step and its object either may come first, and the end of the one before may come between", () => {
  const [create, birth, ...rest] = second as [What, What, ...What[]];
  expect(told([...first, birth, create, ...rest])).toEqual([["two", false, "r10,r12"], ["one", true, "r2,r4"]]);
  expect(told([...first.slice(0, 3), create, { gone: web }, birth, ...rest])).toEqual([["two", false, "r10,r12"], ["one", true, "r2,r4"]]);
});

test("another uid is another life, even where its creation is not known", () => {
  expect(told([object(2, "one"), object(9, "two")])).toEqual([["two", false, ""], ["one", true, ""]]);
});

test("what was deleted before all that is kept is known by its steps, as deleted", () => {
  const history = historyOf([], [{ ref: web, revision: 20, body: { metadata: { name: "web", uid: "two" } } }], [step(2, "create").step, step(4, "delete").step, step(10, "create").step]);
  expect(livesOf(history, web, 99).map(({ uid, id, deleted }) => [uid, id, deleted])).toEqual([["two", "r10", false], [undefined, "r2", true]]);
});

test("a recording that begins in the middle of a life, at the number 0, tells of it once", () => {
  const base = { ref: web, revision: 20, body: { metadata: { name: "web", uid: "two" } } };
  const history = new History({ seq: 0, time: at(0), cluster: "c", objects: [base], facts: [], steps: [step(2, "create").step, step(10, "create").step] });
  history.append([{ seq: 1, time: at(30), ...object(30, "two") }]);
  expect(livesOf(history, web, 1).map(({ uid, id, versions }) => [uid, id, versions.length])).toEqual([["two", "r10", 2], [undefined, "r2", 0]]);
});

test("what is here comes before what is deleted, and then who was written to last", () => {
  const history = historyOf([...first, ...second, step(30, "create", { object: other }), object(30, "three", other)]);
  expect(livesUpTo(history, history.now, ["pods"]).map(({ uid }) => uid)).toEqual(["three", "two", "one"]);
});

test("the newest of a name is shown, unless an older one was picked", () => {
  const history = historyOf([...first, ...second, step(30, "create", { object: other }), object(30, "three", other)]);
  const lives = livesUpTo(history, history.now, ["pods"]);
  const older = lives.find(({ uid }) => uid === "one");
  expect([choose(lives, web, undefined), choose(lives, web, older?.key), choose(lives, web, "of another time"), choose(lives, undefined, undefined)].map((life) => life?.uid)).toEqual(["two", "one", "two", "three"]);
  expect(choose(lives, { ...web, name: "nobody" }, undefined)).toBeUndefined();
  expect(lastBody(older)?.metadata.uid).toBe("one");
});

test("the name of a deleted one says so, and when", () => {
  const history = historyOf([...first, ...second]);
  expect(livesUpTo(history, history.now, ["pods"]).map(nameOf)).toEqual(["web", `web (deleted ${clockTime(history.timeOf(5)).slice(0, 8)})`]);
});

test("what a person chooses stays chosen until the page is about something else", async () => {
  const history = historyOf([...first, ...second, step(30, "create", { object: other }), object(30, "three", other)]);
  const shown = { history, now: history.now, time: history.now.time, fresh: [], select: () => {}, object: web };
  const { rerender } = render(Creation, shown);
  const select = screen.getByTestId<HTMLSelectElement>("choose-pod");
  const pick = async (key: string) => {
    select.value = key;
    select.dispatchEvent(new Event("change"));
    await rerender({ ...shown, now: { ...shown.now } });
    return select.value;
  };
  expect(select.value).toBe("pods/default/web#two");
  expect(await pick("pods/default/web#one")).toBe("pods/default/web#one");
  expect(await pick("pods/default/other#three")).toBe("pods/default/other#three");
  await rerender({ ...shown, object: { ...other, name: "nobody" } });
  await rerender(shown);
  expect(select.value).toBe("pods/default/web#two");
});
