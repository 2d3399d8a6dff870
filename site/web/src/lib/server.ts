/** What the pages need of a server; the real one, and one for those who work on the pages. */
export interface Server {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  socket(path: string): WebSocket;
}

/** An answer that is an error. */
export class Refused extends Error {
  readonly status: number;
  constructor(status: number, reason: string) {
    super(reason);
    this.status = status;
  }
}

/** How to get in again, where the server does not know this browser any more. Of a websocket that is refused a browser does not tell why. */
export async function signedOut(server: Server): Promise<string | undefined> {
  try {
    await server.get("/api/book");
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return error.message;
  }
  return undefined;
}

/** The server that sent this page. Its errors say what to do: they are shown as they are. */
export const sameServer: Server = {
  get: (path) => answer(path, {}, tries),
  // What is sent again by the same key is not done again.
  post: (path, body) => answer(path, { method: "POST", headers: { "Content-Type": "application/json", "Idempotency-Key": newKey() }, body: JSON.stringify(body) }, tries),
  socket: (path) => new WebSocket(new URL(path, location.href.replace(/^http/, "ws"))),
};

/** A key that no other request has. crypto.randomUUID is missing where the page came without TLS from elsewhere. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16)).join("-");
}

// A browser drops what it is loading whenever a network interface comes or goes, and a cluster on the same machine makes many.
const tries = 8;

async function answer<T>(path: string, init: RequestInit, left: number): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, credentials: "same-origin", cache: "no-store" });
  } catch {
    if (left <= 1) throw new Error("The lab site does not answer. Is the cluster up? kube up starts it.");
    await new Promise((resolve) => setTimeout(resolve, 300));
    return answer(path, init, left - 1);
  }
  const text = await response.text();
  if (!response.ok) throw new Refused(response.status, reason(text) ?? `The lab site answers ${response.status} ${response.statusText}.`);
  return (text ? JSON.parse(text) : undefined) as T;
}

function reason(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { error?: string }).error;
  } catch {
    return text.trim() || undefined;
  }
}
