// Every lab, as a student does it: one after the other, in one cluster.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
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

  /** What other labs have left goes, if the student is asked; nothing is checked before. */
  async beginsClean(others) {
    const { page } = this;
    const card = page.getByTestId("leftovers");
    if (others.length === 0) {
      const box = this.#box(this.lab.steps[0]);
      await box.getByTestId("check").or(box.getByTestId("predict")).first().waitFor();
      assert.equal(await card.count(), 0, "nobody is asked about nothing");
      return;
    }
    await card.waitFor();
    const text = await card.innerText();
    for (const { title } of others) assert.ok(text.includes(title), `${title} has left things: ${text}`);
    assert.equal(await page.getByTestId("lab").getByTestId("check").count(), 0, "nothing is checked before the student has chosen");
    await shot(page, `${this.lab.name}-leftovers`);
    await page.getByTestId("leftovers-tidy").click();
    await card.waitFor({ state: "detached" });
  }

  #box({ id }) {
    return this.page.getByTestId("lab").getByTestId(`step-${id}`);
  }

  async do(step, isLast) {
    const box = this.#box(step);
    await this.#predicts(box, step);
    await this.#seesItsChecks(box, step);
    await this.#opensHints(box, step);
    const run = box.getByTestId("run");
    await run.first().waitFor();
    for (let i = 0; i < (await run.count()); i++) await this.terminal.during(() => run.nth(i).click());
    await this.#ticksItselfOff(box, step);
    await this.#seesWhatWasMeasured(box, step);
    await pictures[this.lab.name]?.[step.id]?.(this.page);
    await shot(this.page, `${this.lab.name}-${step.id}`);
    if (!isLast) await box.getByTestId("next-step").click();
  }

  /** Mends what is broken, in the first of the ways that the lab knows. */
  async mend(challenge, commands, isLast) {
    const box = this.#box(challenge);
    await box.getByTestId("challenge-begin").click();
    await this.#seesItsChecks(box, challenge);
    for (let opened = 0; opened < challenge.grades; opened++) await this.#opensOne(box, opened);
    assert.equal(await box.getByTestId("debrief").count(), 0, "what was wrong is not told before it is mended");
    await shot(this.page, `${this.lab.name}-${challenge.id}-hints`);
    for (const command of commands) await this.terminal.during(() => this.terminal.type(command));
    await this.#ticksItselfOff(box, challenge);
    await box.getByTestId("debrief").waitFor();
    await shot(this.page, `${this.lab.name}-${challenge.id}`);
    if (!isLast) await box.getByTestId("next-step").click();
  }

  /** Commits to an answer, the last choice or none; before, there is no command and no check. */
  async #predicts(box, step) {
    if (!step.waits) return;
    const form = box.getByTestId("predict");
    await form.waitFor();
    assert.equal((await box.getByTestId("run").count()) + (await box.getByTestId("check").count()), 0, `${step.id}: nothing is told before the prediction`);
    const questions = await form.locator("fieldset").all();
    for (const question of questions) {
      const choices = question.getByTestId("choice");
      await ((await choices.count()) > 0 ? choices.last() : question.getByTestId("dont-know")).check();
    }
    await shot(this.page, `${this.lab.name}-${step.id}-predict`);
    await form.getByTestId("commit").click();
    await box.getByTestId("predicted").waitFor();
  }

  async #seesWhatWasMeasured(box, step) {
    if (!step.waits) return;
    await until(`what was measured of ${step.id} is shown`, async () => !(await box.getByTestId("measured").allInnerTexts()).some((text) => text.includes("when the step is done")));
  }

  /** Of a faded step the commands are the last hint. */
  async #opensHints(box, step) {
    if (!step.faded) return;
    for (let opened = 0; opened < step.grades; opened++) {
      assert.equal(await box.getByTestId("run").count(), 0, `${step.id}: no command before the last hint`);
      await this.#opensOne(box, opened);
    }
  }

  async #opensOne(box, opened) {
    const more = box.getByTestId("hint-more").filter({ hasText: `hint ${opened + 1} ` });
    await more.click();
    await more.waitFor({ state: "detached" });
  }

  async #ticksItselfOff(box, step) {
    await until(`${step.id} ticks itself off`, async () => (await box.getAttribute("data-done")) === "true" || `${await box.innerText()}\nIn the terminal:\n${this.terminal.end}`);
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
      const evidence = await check.locator("dd").allTextContents();
      assert.ok(evidence.length === 2 && evidence.every((text) => text.trim() !== ""), `${step.id}: a check that fails shows what was expected and seen: ${evidence}`);
    }
  }

  /** Opens a step that may be done, and waits until its checks were looked at. */
  async look(step) {
    const box = this.#box(step);
    await box.getByRole("button").first().click();
    await until(`${step.id} is looked at`, async () => (await box.locator("[data-testid=check]:not([data-passed=unknown])").count()) > 0);
  }

  async beginAnew() {
    await this.page.getByTestId("lab-reset").click();
    await this.page.getByTestId("lab-reset-yes").click();
    await this.losesTicks([...this.lab.steps.slice(1), ...this.lab.challenges]); // the first may be one with only something to see
    const [first] = this.lab.steps;
    const box = this.#box(first);
    if (first.waits) await box.getByTestId("predict").waitFor();
    else await this.#seesItsChecks(box, first);
  }

  async losesTicks(steps) {
    for (const step of steps) await until(`${step.id} is not done any more`, async () => (await this.#box(step).getAttribute("data-done")) === "false" || this.page.getByTestId("lab").innerText());
  }
}

const get = async (path) => (await context.request.get(origin + path)).json();

/** Does something in a page that must not complain. */
async function inPage(name, does) {
  const { page, quiet } = await openPage(context);
  try {
    await does(page);
    quiet();
  } catch (error) {
    await shot(page, `${name}-failed`);
    quiet(error);
    throw error;
  } finally {
    await page.close();
  }
}

/** Commands that mend each challenge: solutions[lab][challenge]. */
const solutions = JSON.parse(process.env.SOLUTIONS);

/** Of every lab one challenge is mended, of the last lab all: kube lab test has proved them. */
const howMany = (isLast) => Number(process.env.CHALLENGES ?? (isLast ? Infinity : 1));

let last; // the lab that was begun last

test("every lab can be done, one after the other", async (t) => {
  const { parts } = await get("/api/book");
  const only = process.env.LABS?.split(",");
  const chapters = parts.flatMap((part) => part.chapters).filter(({ name, lab }) => lab && (!only || only.includes(name)));
  assert.ok(chapters.length > 0, "there are labs");
  for (const chapter of chapters)
    await t.test(chapter.name, { timeout: 8 * patience }, () =>
      inPage(chapter.name, async (page) => {
        const { lab: told } = await get(`/api/chapters/${chapter.name}`);
        assert.deepEqual(told.leftovers, last ? [{ name: last.lab.name, title: last.lab.title }] : [], "what the lab before has left is known");
        const lab = new Lab(page, told);
        await lab.open(chapter);
        await lab.beginsClean(told.leftovers);
        last = { chapter, lab: told };
        const challenges = told.challenges.slice(0, howMany(chapter === chapters.at(-1)));
        const all = [...told.steps, ...told.challenges];
        for (const step of told.steps) await lab.do(step, step === all.at(-1));
        for (const challenge of challenges) await lab.mend(challenge, solutions[told.name][challenge.id], challenge === all.at(-1));
        if (challenges.length === told.challenges.length) await page.getByTestId("lab-finished").waitFor();
      }),
    );
});

test("a lab that is done can begin anew, and what is forgotten elsewhere is forgotten in an open page", { timeout: 2 * patience }, () =>
  inPage("anew", async (page) => {
    const lab = new Lab(page, last.lab);
    await lab.open(last.chapter);
    await page.getByTestId("lab").waitFor();
    await lab.look([...last.lab.steps].reverse().find((step) => !step.faded) ?? last.lab.steps[0]);
    execFileSync(process.env.KUBECTL, ["delete", "configmap", "progress", "-n", "kubelab"]);
    await lab.losesTicks(last.lab.steps.slice(0, -1));
    await lab.beginAnew();
  }),
);
