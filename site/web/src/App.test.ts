import { fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { beforeEach, describe, expect, it } from "vitest";
import App from "./App.svelte";
import { FakeServer } from "./dev/server";
import { place } from "./lib/place.svelte";

const pod = "pods/default/web-6b7c9f8d54-2jrdw";

describe("the pages, over a recording", () => {
  beforeEach(async () => {
    place.go({ chapter: undefined, pane: undefined, step: undefined, view: undefined, object: undefined, why: undefined, source: undefined });
    render(App, { server: new FakeServer("replay") });
    await screen.findByText(/recording/, { selector: ".tag" });
    await waitFor(() => expect(Number(screen.getByTestId("strip").getAttribute("aria-valuemax"))).toBeGreaterThan(200));
  });

  it("offer no terminal, no faults and no step mode, and say that it is a recording", () => {
    for (const id of ["pane-terminal", "faults", "step-mode"]) expect(screen.queryByTestId(id)).toBeNull();
  });

  it("move through time by keyboard, step by step, and say where they are", async () => {
    const strip = screen.getByTestId("strip");
    const before = Number(strip.getAttribute("aria-valuenow"));
    await fireEvent.keyDown(strip, { key: "ArrowRight" });
    await fireEvent.keyDown(document.body, { key: "." });
    expect(Number(strip.getAttribute("aria-valuenow"))).toBeGreaterThan(before);
    await fireEvent.keyDown(strip, { key: "End" });
    expect(strip.getAttribute("aria-valuenow")).toBe(strip.getAttribute("aria-valuemax"));
    expect(screen.getByTestId("current-step").textContent).toContain("delete");
  });

  it("say why an object is as it is, from the request on, with the change and the plan of each step", async () => {
    await fireEvent.keyDown(screen.getByTestId("strip"), { key: "End" });
    place.go({ why: pod });
    const why = await screen.findByTestId("why");
    await waitFor(() => expect(within(why).getAllByTestId("why-step").length).toBeGreaterThan(8));
    const steps = within(why).getAllByTestId("why-step");
    expect(steps[0]?.textContent).toContain("kubelab-admin");
    const bound = steps.find((step) => step.textContent?.includes("create binding")) as HTMLElement;
    await fireEvent.click(within(bound).getByRole("button"));
    expect(within(bound).getByTestId("diff").textContent).toContain("nodeName: node-1");
    expect(within(bound).getByTestId("plan").textContent).toContain("siblings elsewhere");
    await fireEvent.keyDown(document.body, { key: "Escape" });
    await waitFor(() => expect(screen.queryByTestId("why")).toBeNull());
  });

  it("open a chapter from the contents, with its lab, which a recording only shows", async () => {
    await fireEvent.keyDown(document.body, { key: "b" });
    expect(screen.getByRole("dialog", { name: "Contents" }).contains(document.activeElement)).toBe(true);
    await fireEvent.click(await screen.findByTestId("chapter-16-replicasets"));
    await fireEvent.click(await screen.findByTestId("tab-lab"));
    expect(await screen.findByTestId("step-delete")).toBeTruthy();
    expect(screen.queryByTestId("run")).toBeNull();
    expect(screen.queryByTestId("lab-reset")).toBeNull();
    expect(place.route).toMatchObject({ chapter: "16-replicasets", pane: "lab" });
  });
});
