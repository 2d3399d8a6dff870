import { mount } from "svelte";
import App from "../App.svelte";
import { FakeServer } from "./server";
import "../app.css";

// dev.html?mode=live tells the story at its own pace; ?pods=300 makes it a large one.
const asked = new URLSearchParams(location.search);
const server = new FakeServer(asked.get("mode") === "live" ? "live" : "replay", Number(asked.get("pods") ?? 3));
mount(App, { target: document.getElementById("app") as HTMLElement, props: { server } });
