// SPDX-License-Identifier: Apache-2.0
// The page: one camera large, all as tiles, charts and tables. Two connections at most: one for every tile and the events, one for
// the large picture at its full rate; with a single camera, one for both.
import { API, Camera } from "./camera.js";
import { Chart, Histogram } from "./chart.js";
import { Stream } from "./stream.js";
import { Topics, duration, showProcesses } from "./tables.js";

const TILE_LINES = 270;
const TILE_FPS = 12; // where there are many
const FULL_RATE_TILES = 4;
const TOPICS_MS = 2000;
const BOXES = ["newest", "exact", "off"];

// Of a picture's way, each from the end of the one before; a detector looks at it meanwhile.
const STAGES = {
	publish: ["published", "--series-4", false, "from capture until it lay in shared memory"],
	wait: ["taken", "--series-3", false, "until the preview began to encode it"],
	encode: ["encoded", "--series-1", false, "encoding"],
	send: ["sent", "--series-5", false, "until sending began"],
	show: ["shown", "--series-2", false, "on the way to this page, decoding and drawing"],
	detect: ["detected", "--text", "over", "from capture until the result was there; pictures do not wait for it"],
};

const element = (selector) => document.querySelector(selector);

const page = {
	cameras: new Map(),
	chosen: null,
	connected: false,
	boxes: "newest",
	state: null,

	start() {
		this.charts = [
			[element("#chart-fps"), { captured: ["captured", "--series-1"], shown: ["shown", "--series-2"], detected: ["detected", "--series-3"] }, { unit: "/s", least: 10 }],
			[element("#chart-latency"), STAGES, { unit: " ms", stacked: true, least: 10 }],
			[element("#chart-drops"), { camera: ["camera", "--series-5"], preview: ["preview", "--series-3"], page: ["page", "--series-1"] }, { unit: "/s", stacked: true, least: 5 }],
		].map((one) => new Chart(...one));
		this.spread = new Histogram(element("#chart-spread"), { ...STAGES, all: ["in all", "--text"] });
		this.topics = new Topics(element("#topics"));
		this.tiles = new Stream(`${API}/stream?height=${TILE_LINES}`, (part) => this.take(part, "small"), (...news) => this.showConnection(...news));
		this.full = new Stream("", (part) => this.take(part, "large"));
		this.chooseBoxes(localStorage.getItem("boxes"));
		element("#boxes").addEventListener("change", (event) => this.chooseBoxes(event.target.value));
		document.addEventListener("keydown", (event) => this.press(event));
		window.addEventListener("pagehide", () => this.cameras.forEach((camera) => camera.keepHistory()));
		window.addEventListener("hashchange", () => this.choose(this.cameras.get(decodeURIComponent(location.hash.slice(1)))));
		setInterval(() => this.cameras.forEach((camera) => camera.showFigures()), 500);
		setInterval(() => this.showTopics(), TOPICS_MS);
	},

	// A part of a stream: a picture or an event.
	take(part, size) {
		const event = part.head["x-zoetrope-event"];
		if (!event) {
			const camera = this.cameras.get(part.head["x-zoetrope-camera"]);
			camera?.[this.cameras.size === 1 ? "large" : size].receive(part);
			return;
		}
		const data = JSON.parse(new TextDecoder().decode(part.body));
		if (event === "state")
			this.update(data);
		else if (event === "detections")
			this.cameras.get(data.camera)?.addResult(data);
	},

	notice(text) {
		const place = element("#notice");
		place.textContent = text;
		place.hidden = !text;
	},

	showConnection(connected, sentence = "") {
		const chip = element("#connection");
		this.connected = connected;
		chip.dataset.state = connected ? "connected" : "lost";
		chip.textContent = connected ? "live" : "not connected";
		this.notice(sentence.includes("fetch") ? "" : sentence); // that the server is away is said above
	},

	update(state) {
		const names = Object.keys(state.cameras ?? {});
		const changed = names.join() !== [...this.cameras.keys()].join();
		this.state = state;
		if (changed)
			this.arrange(names);
		for (const [name, camera] of this.cameras)
			camera.update(state.cameras[name]);
		this.notice(names.length ? "" : "No camera is configured: name one under \"cameras:\" in the config.");
		element("#uptime").textContent = state.uptime === undefined ? "" : `up ${duration(state.uptime)}`;
		showProcesses(element("#processes"), state.processes ?? {});
		if (!document.hidden)
			this.drawCharts();
	},

	drawCharts() {
		this.charts.forEach((chart) => chart.draw(this.chosen?.history ?? []));
		this.spread.draw(this.chosen?.samples ?? {});
	},

	// The cameras are others than before.
	arrange(names) {
		for (const [name, camera] of this.cameras) {
			if (names.includes(name))
				continue;
			camera.remove();
			this.cameras.delete(name);
		}
		this.cameras = new Map(names.map((name) => [name, this.cameras.get(name) ?? new Camera(name, this)]));
		element("#tiles").replaceChildren(...[...this.cameras.values()].map((camera) => camera.tile));
		element("#tiles").hidden = names.length < 2;
		element("#charts").hidden = !names.length;
		this.choose(this.cameras.get(decodeURIComponent(location.hash.slice(1))) ?? this.chosen ?? this.cameras.get(names[0]));
		this.showTopics();
	},

	choose(camera) {
		const chosen = camera && this.cameras.get(camera.name);
		if (!chosen)
			return;
		this.chosen = chosen;
		element("#cameras").replaceChildren(chosen.root);
		for (const one of this.cameras.values())
			one.tile.setAttribute("aria-pressed", String(one === chosen));
		if (this.cameras.size > 1)
			history.replaceState(null, "", `#${encodeURIComponent(chosen.name)}`);
		const name = encodeURIComponent(chosen.name), many = this.cameras.size > 1;
		const rate = this.cameras.size > FULL_RATE_TILES ? `&fps=${TILE_FPS}` : "";
		this.tiles.open(many ? `${API}/stream?height=${TILE_LINES}${rate}` : `${API}/stream?cameras=${name}`);
		this.full.open(many ? `${API}/stream?cameras=${name}&events=0` : "");
		chosen.showFigures();
		this.drawCharts();
	},

	chooseBoxes(value) {
		this.boxes = BOXES.includes(value) ? value : BOXES[0];
		element("#boxes").value = this.boxes;
		localStorage.setItem("boxes", this.boxes);
	},

	// One key each, where nothing else wants it.
	press(event) {
		if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("select, input") || !this.chosen)
			return;
		const cameras = [...this.cameras.values()], at = cameras.indexOf(this.chosen);
		if (event.key >= "1" && event.key <= "9")
			this.choose(cameras[Number(event.key) - 1]);
		else if (event.key === "ArrowLeft" || event.key === "ArrowRight")
			this.choose(cameras[(at + (event.key === "ArrowLeft" ? cameras.length - 1 : 1)) % cameras.length]);
		else if (event.key === "f")
			this.chosen.fill();
		else if (event.key === "b")
			this.chooseBoxes(BOXES[(BOXES.indexOf(this.boxes) + 1) % BOXES.length]);
	},

	async showTopics() {
		if (document.hidden || !this.connected)
			return;
		const response = await fetch(`${API}/topics`).catch(() => null);
		if (response?.ok)
			this.topics.show(await response.json(), this.state?.processes ?? {});
	},
};

page.start();
