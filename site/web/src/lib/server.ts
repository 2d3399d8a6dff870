/** What the pages need of a server; the real one, and one for those who work on the pages. */
export interface Server {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  socket(path: string): WebSocket;
}

/** The server that sent this page. Its errors say what to do: they are shown as they are. */
export const sameServer: Server = {
  get: (path) => answer(path, {}),
  post: (path, body) => answer(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
  socket: (path) => new WebSocket(new URL(path, location.href.replace(/^http/, "ws"))),
};

async function answer<T>(path: string, init: RequestInit): Promise<T> {
  const response = await fetch(path, { ...init, credentials: "same-origin", cache: "no-store" }).catch(() => {
    throw new Error("The lab site does not answer. Is the cluster up? kube up starts it.");
  });
  const text = await response.text();
  if (!response.ok) throw new Error(reason(text) ?? `The lab site answers ${response.status} ${response.statusText}.`);
  return (text ? JSON.parse(text) : undefined) as T;
}

function reason(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { error?: string }).error;
  } catch {
    return text.trim() || undefined;
  }
}
