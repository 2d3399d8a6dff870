import type { KubeObject } from "./types";

export interface Line {
  kind: "same" | "added" | "removed" | "skipped";
  text: string;
}

// Fields that change with every write and say nothing that the step does not say.
const quiet = new Set(["resourceVersion", "managedFields", "uid", "generation", "creationTimestamp"]);

/** A JSON value as YAML's lines, with the keys in order. */
export function yaml(value: unknown, indent = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => hang(yaml(item, `${indent}  `), indent));
  if (value === null || typeof value !== "object") return [indent + scalar(value)];
  return Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .flatMap(([key, field]) => entry(key, field, indent));
}

function entry(key: string, field: unknown, indent: string): string[] {
  if (field === null || typeof field !== "object") return [`${indent}${key}: ${scalar(field)}`];
  const empty = Array.isArray(field) ? "[]" : "{}";
  if (Object.keys(field).length === 0) return [`${indent}${key}: ${empty}`];
  return [`${indent}${key}:`, ...yaml(field, `${indent}  `)];
}

/** Puts the dash of a list's item before its first line. */
function hang(lines: string[], indent: string): string[] {
  const [head = `${indent}  {}`, ...rest] = lines;
  return [`${indent}- ${head.slice(indent.length + 2)}`, ...rest];
}

function scalar(value: unknown): string {
  if (typeof value !== "string") return String(value);
  return /^[\w./:@-]+( [\w./:@-]+)*$/.test(value) && !/^(true|false|null|[\d.]+)$/.test(value) ? value : JSON.stringify(value);
}

function readable(object: KubeObject | undefined): string[] {
  if (!object) return [];
  const metadata = Object.fromEntries(Object.entries(object.metadata).filter(([key]) => !quiet.has(key)));
  return yaml({ ...object, metadata });
}

/** What is different between two versions of an object, with some lines around each place. */
export function diffObjects(before: KubeObject | undefined, after: KubeObject | undefined, context = 3): Line[] {
  return foldSame(diffLines(readable(before), readable(after)), context);
}

/** The shortest way from one list of lines to another, by their longest common subsequence. */
export function diffLines(before: readonly string[], after: readonly string[]): Line[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < Math.min(before.length, after.length) - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const same = (text: string): Line => ({ kind: "same", text });
  return [
    ...before.slice(0, head).map(same),
    ...diffMiddle(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(same),
  ];
}

function diffMiddle(a: readonly string[], b: readonly string[]): Line[] {
  // common[i][j] is how many lines a[i…] and b[j…] have in common, in order.
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  const at = (i: number, j: number) => common[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    const row = common[i] as Uint16Array;
    for (let j = b.length - 1; j >= 0; j--) row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  }
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: "same", text: a[i++] as string });
      j++;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) lines.push({ kind: "removed", text: a[i++] as string });
    else lines.push({ kind: "added", text: b[j++] as string });
  }
  return lines;
}

/** Leaves out what is the same and far from every change, but for the lines that lead to it (metadata:, status:). */
function foldSame(lines: Line[], context: number): Line[] {
  const near = new Set<number>();
  lines.forEach((line, at) => {
    if (line.kind === "same") return;
    for (let i = at - context; i <= at + context; i++) near.add(i);
    for (const parent of parentsOf(lines, at)) near.add(parent);
  });
  const folded: Line[] = [];
  lines.forEach((line, at) => {
    if (near.has(at)) folded.push(line);
    else if (folded.at(-1)?.kind !== "skipped") folded.push({ kind: "skipped", text: "…" });
  });
  return near.size === 0 ? [] : folded;
}

function parentsOf(lines: readonly Line[], at: number): number[] {
  const depth = (line: Line | undefined) => (line ? line.text.search(/[^ ]/) : 0);
  const parents: number[] = [];
  let above = depth(lines[at]);
  for (let i = at - 1; i >= 0 && above > 0; i--) {
    if (depth(lines[i]) >= above) continue;
    above = depth(lines[i]);
    parents.push(i);
  }
  return parents;
}
