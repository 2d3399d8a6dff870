// Every lab, as a student does it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { enter, go, openPage, patience, shot, until } from "./browser.mjs";
import { pictures } from "./pictures.mjs";
import { Terminal } from "./terminal.mjs";

let browser, context, origin;
before(async () => ({ browser, context, origin } = await enter()));
after(() => browser.close());

/** What is said in a lab's page. */
class Lab {
  constructor(page, lab) {
    this.page = page;
    this.terminal = new Terminal(page);
    this.lab = lab;
  }

  async open(chapter) {
    await go(this.page, `${origin}/#chapter=${chapter.name}`);
    await this.page.getByTestId("chapter").getByRole("heading", { level: 1 }).waitFor();
    await this.terminal.ready();
    await this.page.getByTestId("tab-lab").click();
  }

  #box({ id }) {
    return this.page.getByTestId("lab").getByTestId(`step-${id}`);
  }

  async do(step, isLast) {
    const box = this.#box(step);
    await this.#seesItsChecks(box, step);
    assert.equal(await box.getByTestId("run").count(), step.run.length, "each command can be run");
    for (let i = 0; i < step.run.length; i++) await this.terminal.during(() => box.getByTestId("run").nth(i).click());
    await until(`${step.id} ticks itself off`, async () => (await box.getAttribute("data-done")) === "true" || box.innerText());
    await pictures[this.lab.name]?.[step.id]?.(this.page);
    await shot(this.page, `${this.lab.name}-${step.id}`);
    if (!isLast) await box.getByTestId("next-step").click();
  }

  /** Before its commands, a step's checks fail and show why; where there is only something to see, they may be true. */
  async #seesItsChecks(box, step) {
    const checks = box.getByTestId("check");
    await until(`the checks of ${step.id} were looked at`, async () => {
      const looks = await checks.evaluateAll((rows) => rows.map((row) => row.dataset.passed));
      return (looks.length > 0 && !looks.includes("unknown")) || looks.join();
    });
    const failing = await checks.and(box.locator("[data-passed=false]")).all();
    if (!step.observe) assert.notEqual(failing.length, 0, `${step.id}: all its checks pass before its commands`);
    for (const check of failing) {
      const evidence = await check.locator("dd").allInnerTexts();
      assert.ok(evidence.length === 2 && evidence.every((text) => text.trim() !== ""), `${step.id}: a check that fails shows what was expected and seen: ${evidence}`);
    }
  }

  async beginAnew() {
    const last = this.#box(this.lab.steps.at(-1));
    await this.page.getByTestId("lab-reset").click();
    await this.page.getByTestId("lab-reset-yes").click();
    await until("the lab begins anew", async () => (await last.getAttribute("data-done")) === "false" || this.page.getByTestId("lab").innerText());
  }
}

test("every lab can be done", async (t) => {
  const get = async (path) => (await context.request.get(origin + path)).json();
  const { parts } = await get("/api/book");
  const only = process.env.LABS?.split(",");
  const chapters = parts.flatMap((part) => part.chapters).filter(({ name, lab }) => lab && (!only || only.includes(name)));
  assert.ok(chapters.length > 0, "there are labs");
  for (const chapter of chapters)
    await t.test(chapter.name, { timeout: 4 * patience }, async () => {
      const { lab: steps } = await get(`/api/chapters/${chapter.name}`);
      const { page, quiet } = await openPage(context);
      const lab = new Lab(page, steps);
      try {
        await lab.open(chapter);
        for (const step of steps.steps) await lab.do(step, step === steps.steps.at(-1));
        await page.getByTestId("lab-finished").waitFor();
        await lab.beginAnew();
        quiet();
      } catch (error) {
        await shot(page, `${chapter.name}-failed`);
        quiet(error);
        throw error;
      } finally {
        await page.close();
      }
    });
});
