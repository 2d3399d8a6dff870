// What the site's server tells a page of its cluster: heard, and told again.

/** All that a page is told, message by message, from when it opens on. */
export function hear(page) {
  const messages = [];
  page.on("websocket", (socket) => {
    if (!socket.url().includes("/ws/stream")) return;
    socket.on("framereceived", ({ payload }) => messages.push(JSON.parse(payload)));
  });
  return messages;
}

/** The number of the last frame of some messages. */
export const lastOf = (messages) => messages.reduce((seq, { snapshot, frames }) => frames?.at(-1)?.seq ?? snapshot?.seq ?? seq, 0);

/** Lets a page hear these messages at once instead of its cluster; what it returns tells it more. */
export async function tell(page, messages) {
  let told;
  const connected = new Promise((open) => (told = open));
  await page.routeWebSocket(/\/ws\/stream/, (socket) => {
    for (const message of messages) socket.send(JSON.stringify(message));
    told(socket);
  });
  return async (frames) => (await connected).send(JSON.stringify({ frames }));
}

/** The same things happening again and again, from a number on. */
export function* again(messages, from, n) {
  const frames = messages.flatMap((message) => message.frames ?? []);
  for (let i = 0; i < n; i++) {
    const { step, ...frame } = frames[i % frames.length];
    const round = (id) => `${id}.${Math.floor((from + i) / frames.length)}`;
    const time = new Date(Date.parse(frames.at(-1).time) + i).toISOString();
    yield { ...frame, seq: from + i, time, ...(step && { step: { ...step, time, id: round(step.id), ...(step.causes && { causes: step.causes.map(round) }) } }) };
  }
}
