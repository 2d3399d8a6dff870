import type { Frame, Snapshot } from "../lib/types";
import type { Made } from "./recording";

/** Reads a recording as kube record writes it: a header, the snapshot that it begins with, and the frames, one a line. */
export async function readRecording(zipped: Uint8Array<ArrayBuffer>): Promise<Made> {
  const text = await new Response(new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  const [, snapshot, ...frames] = text.trimEnd().split("\n").map((line) => JSON.parse(line) as unknown);
  return { snapshot: snapshot as Snapshot, frames: (frames as Partial<Frame>[]).filter((frame): frame is Frame => frame.seq !== undefined) };
}
