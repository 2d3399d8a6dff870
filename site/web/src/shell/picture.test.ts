import { render, screen } from "@testing-library/svelte";
import { expect, test, vi } from "vitest";
import { History } from "../lib/model";
import type { KubeObject } from "../lib/types";
import { views } from "../views";
import Picture from "./Picture.svelte";

const time = "2026-11-21T10:00:00Z";
const ref = { resource: "pods", namespace: "default", name: "web" };

test.each(views.map((view) => [view.name, view] as const))("%s says that it cannot draw a moment whose objects lack fields, and draws the next one", async (_, view) => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const history = new History({ seq: 0, time, cluster: "c", objects: null, facts: null, steps: null });
  history.append([
    { seq: 1, time, object: { ref, revision: 1, body: null as unknown as KubeObject } },
    { seq: 2, time, gone: ref },
  ]);
  const props = (seq: number) => ({ view, history, now: history.at(seq), time: Date.parse(time), fresh: [], object: undefined, select: () => {} });
  const { rerender, container } = render(Picture, props(0));
  const empty = container.textContent;
  await rerender(props(1));
  if (view.name === "cluster") expect(screen.queryByTestId("undrawn")).not.toBeNull();
  await rerender(props(2));
  expect(screen.queryByTestId("undrawn")).toBeNull();
  expect(container.textContent).toBe(empty);
});
