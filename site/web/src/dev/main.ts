import { mount } from "svelte";
import App from "../App.svelte";
import lesson from "./lesson.kube?url";
import { readRecording } from "./lesson";
import { madeRecording } from "./recording";
import { FakeServer } from "./server";
import "../app.css";

// dev.html shows a real recording; ?pods=3 a made one, with as many pods as one likes; ?mode=live tells it at its own pace.
const asked = new URLSearchParams(location.search);
const pods = asked.get("pods");
const made = pods ? madeRecording(Number(pods)) : await readRecording(new Uint8Array(await (await fetch(lesson)).arrayBuffer()));
const server = new FakeServer(asked.get("mode") === "live" ? "live" : "replay", made);
mount(App, { target: document.getElementById("app") as HTMLElement, props: { server } });
