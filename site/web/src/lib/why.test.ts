import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Step } from "./types";
import { lanesOf, rowsOf } from "./why";

const step = (id: string, ms: number, causes: string[] = []): Step => ({ id, time: new Date(1_700_000_000_000 + ms).toISOString(), component: "kubelet", verb: "decide", object: { resource: "pods", name: "p" }, causes });

describe("a chain", () => {
  it("is in the order of time, numbered, each step with what caused it and how much later it came", () => {
    const rows = rowsOf([step("c", 30, ["a", "b"]), step("a", 0), step("b", 10, ["a"]), step("d", 31, ["elsewhere"])]);
    expect(rows.map((row) => row.step.id)).toEqual(["a", "b", "c", "d"]);
    expect(rows.map((row) => row.causes)).toEqual([[], [1], [1, 2], []]);
    expect(rows.map((row) => row.took)).toEqual([undefined, 10, 20, undefined]);
    expect(rows.map((row) => row.unknown)).toEqual([0, 0, 0, 1]);
  });

  it("of one cause after the other is one line, and branches where one step set off two", () => {
    expect(lanesOf(rowsOf([step("a", 0), step("b", 1, ["a"]), step("c", 2, ["b"])]))).toBe(1);
    const rows = rowsOf([step("a", 0), step("b", 1, ["a"]), step("c", 2, ["a"]), step("d", 3, ["b"])]);
    expect(lanesOf(rows)).toBe(2);
    expect(rows[1]?.from?.at).toBe(rows[0]?.lane.at);
    expect(rows[3]?.lane.at).toBe(rows[1]?.lane.at);
  });

  it("never puts two lines in one lane, and every line that goes on below a row is there above the next", () => {
    const anySteps = fc.array(fc.array(fc.nat(30), { maxLength: 3 }), { maxLength: 30 }).map((shape) => shape.map((causes, i) => step(`s${i}`, i, i > 0 ? causes.map((n) => `s${n % i}`) : [])));
    fc.assert(
      fc.property(anySteps, (steps) => {
        const rows = rowsOf(steps);
        rows.forEach((row, i) => {
          const lanes = [row.lane.at, ...row.passing.map((lane) => lane.at)];
          expect(new Set(lanes).size).toBe(lanes.length);
          const next = rows[i + 1];
          if (!next) return expect(row.below).toBe(false);
          const reached = [...next.passing.map((lane) => lane.at), ...(next.above ? [next.lane.at] : []), ...(next.from ? [next.from.at] : [])];
          if (row.below) expect(reached).toContain(row.lane.at);
          return undefined;
        });
      }),
    );
  });
});
