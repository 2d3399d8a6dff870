// A lab as a student works on it, without a cluster: what the server keeps of it and shows.

import type { Lab, LabChallenge, LabStep } from "../lib/types";
import { lab, later } from "./book";

export class FakeLab {
  #shown: Lab = structuredClone(lab);

  get shown(): Lab {
    return structuredClone(this.#shown);
  }

  /** Does what a request asks for: to predict, to open a hint, to begin a challenge, or to begin anew. */
  does(what: string, id: string, answers: string[]): Lab {
    const { steps, challenges } = this.#shown;
    const step = steps.find((other) => other.id === id);
    const challenge = challenges?.find((other) => other.id === id);
    if (what === "predict" && step) predict(step, answers);
    if (what === "hint") hint(step, challenge);
    if (what === "begin" && challenge) Object.assign(challenge, { begun: true, done: false });
    if (what === "reset" || what === "tidy") this.#shown = { ...structuredClone(lab), steps: structuredClone(lab).steps.map((other) => ({ ...other, done: false })) };
    return this.shown;
  }

  /** A step or a challenge is done: what was measured, or what was wrong, may be seen. */
  done(id: string): void {
    const step = this.#shown.steps.find((other) => other.id === id);
    const challenge = this.#shown.challenges?.find((other) => other.id === id);
    const more = later[id];
    if (challenge) Object.assign(challenge, { done: true, debrief: more?.debrief, solutions: more?.solutions });
    if (!step) return;
    step.done = true;
    step.predict = step.predict?.map((question, i) => ({ ...question, ...more?.found?.[i], html: question.html, right: isRight(question.said, more?.found?.[i]?.found) })) ?? null;
  }
}

function predict(step: LabStep, answers: string[]): void {
  Object.assign(step, { waits: false, run: later[step.id]?.run, check: later[step.id]?.check, predict: step.predict?.map((question, i) => ({ ...question, said: answers[i] })) });
}

function hint(step: LabStep | undefined, challenge: LabChallenge | undefined): void {
  const task = step ?? challenge;
  if (!task) return;
  const all = later[task.id];
  const opened = Math.min((step?.opened ?? task.hints?.length ?? 0) + 1, task.grades ?? 0);
  task.hints = all?.hints?.slice(0, opened) ?? [];
  if (step) step.opened = opened;
  if (step && opened === step.grades) step.run = all?.run ?? [];
}

function isRight(said: string | undefined, found: string | undefined): boolean {
  return said === found || Math.abs(Number(said) - Number(found)) < 1;
}
