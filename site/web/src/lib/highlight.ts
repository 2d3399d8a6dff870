import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import go from "highlight.js/lib/languages/go";
import json from "highlight.js/lib/languages/json";
import shell from "highlight.js/lib/languages/shell";
import yaml from "highlight.js/lib/languages/yaml";

const languages = { bash, go, json, yaml, console: shell };

export function registerLanguages(): void {
  for (const [name, language] of Object.entries(languages)) if (!hljs.getLanguage(name)) hljs.registerLanguage(name, language);
}

/** Go as HTML, line by line: an element that reaches over lines is closed and opened again at their ends. */
export function goLines(text: string): string[] {
  registerLanguages();
  const html = hljs.highlight(text.replace(/\n$/, ""), { language: "go" }).value;
  let open: string[] = [];
  return html.split("\n").map((line) => {
    const before = open.join("");
    for (const tag of line.matchAll(/<span[^>]*>|<\/span>/g)) {
      if (tag[0] === "</span>") open = open.slice(0, -1);
      else open = [...open, tag[0]];
    }
    return before + line + "</span>".repeat(open.length);
  });
}
