import { describe, expect, it } from "vitest";
import { pathBetween } from "./wires";

const box = (x: number, y: number, width = 100, height = 20) => ({ x, y, width, height });

describe("a wire", () => {
  it("goes straight down where one box lies over the other", () => {
    expect(pathBetween(box(0, 0), box(0, 100)).d).toBe("M50 20C50 60 50 60 50 100");
  });

  it("goes up from the top where the other box lies above", () => {
    expect(pathBetween(box(0, 100), box(0, 0)).d).toBe("M50 100C50 60 50 60 50 20");
  });

  it("leaves by the side that faces the other box where they lie side by side", () => {
    expect(pathBetween(box(0, 0), box(200, 0)).d).toBe("M100 10C150 10 150 10 200 10");
    expect(pathBetween(box(200, 0), box(0, 0)).d).toBe("M200 10C150 10 150 10 100 10");
  });

  it("goes around by the side that it must leave by, and straight over where that side faces the other box", () => {
    expect(pathBetween(box(0, 0), box(0, 100), { out: "left" }).d).toBe("M0 10L-4 10Q-16 10 -16 22L-16 98Q-16 110 -4 110L0 110");
    expect(pathBetween(box(0, 0), box(200, 100), { out: "right" }).d).toBe("M100 10C150 10 150 110 200 110");
  });

  it("bends where no straight line leads from one to the other", () => {
    expect(pathBetween(box(0, 0), box(300, 100)).d).toBe("M50 20C50 60 350 60 350 100");
  });
});
