import { mount } from "svelte";
import App from "./App.svelte";
import { sameServer } from "./lib/server";
import "./app.css";

mount(App, { target: document.getElementById("app") as HTMLElement, props: { server: sameServer } });
