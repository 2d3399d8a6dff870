// What was recorded while a student did the lab of chapter 11, opened where there is no cluster.
import assert from "node:assert/strict";
import { test } from "node:test";
import { enter, go, openPage, patience, shot } from "./browser.mjs";
import { creation, pictures } from "./pictures.mjs";

test("a recording tells of a pod's creation as the cluster did", { timeout: 4 * patience }, async () => {
  const { browser, context, origin } = await enter();
  const { page, quiet } = await openPage(context);
  /** Goes on, step by step, until the picture says so. */
  async function stepUntil(what, says) {
    const strip = page.getByTestId("strip");
    while ((await says()) !== true) {
      const [at, end] = await Promise.all(["aria-valuenow", "aria-valuemax"].map((name) => strip.getAttribute(name)));
      assert.notEqual(at, end, `it is over before ${what}: ${await says()}`);
      await page.keyboard.press(".");
    }
  }
  try {
    await go(page, `${origin}/#view=creation&object=pods/default/web`);
    await page.getByTestId("strip").press("Home");
    for (const step of ["create", "turns"]) {
      await stepUntil(`the pod of ${step} is asked for`, async () => (await creation.told(page)) !== true);
      await stepUntil(`the pod of ${step} serves`, () => creation.told(page));
      await pictures["11-kubelet"][step](page);
      await shot(page, `replay-${step}`);
    }
    quiet();
  } catch (error) {
    await shot(page, "replay-failed");
    quiet(error);
    throw error;
  } finally {
    await browser.close();
  }
});
