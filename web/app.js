// SPDX-License-Identifier: Apache-2.0
// The page: reads each camera's stream with fetch(), cuts it into pictures by their length, so that it knows which picture
// it shows, and draws it with the boxes that belong to it on a canvas. State and boxes come as server-sent events.
"use strict";

const API = "/api/v1";
const VERBS = ["capture", "preview", "save", "detect"];
// As in roles/preview_overlay.c.
const PALETTE = ["#ff9f1c", "#2ec4b6", "#e71d73", "#8ac926", "#3a86ff", "#ffd166", "#b56cff", "#ff595e"];
const RESULTS_KEPT = 16;
const FRESH_SECONDS = 3; // as in roles/result.c
const STALE_MS = 2000;
const RETRY_MS = { first: 250, most: 2000 };
// A browser opens six connections to a server: one for events, one for switches, the rest for streams. Further cameras
// are shown by one snapshot after another.
const STREAMS_MOST = 4;
const SNAPSHOT_PAUSE_MS = 300;

const element = (selector, within = document) => within.querySelector(selector);
const milliseconds = (value) => (value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${Math.round(value)} ms`);
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// ---- the stream

// Cuts a multipart stream into parts. Bytes go in as they come, whole parts come out.
class Parts {
	constructor() {
		this.bytes = new Uint8Array(1 << 18);
		this.start = this.end = 0;
		this.head = null; // of the part whose bytes are awaited
	}

	push(chunk) {
		this.makeRoom(chunk.length);
		this.bytes.set(chunk, this.end);
		this.end += chunk.length;
		const parts = [];
		for (let part = this.next(); part; part = this.next())
			parts.push(part);
		return parts;
	}

	makeRoom(count) {
		if (this.end + count <= this.bytes.length)
			return;
		const kept = this.bytes.subarray(this.start, this.end);
		const larger = kept.length + count > this.bytes.length ? new Uint8Array(2 * (kept.length + count)) : this.bytes;
		larger.set(kept);
		this.bytes = larger;
		this.end = kept.length;
		this.start = 0;
	}

	next() {
		this.head ??= this.nextHead();
		if (!this.head)
			return null;
		const length = Number(this.head["content-length"]);
		if (!(length >= 0 && length < 1 << 27))
			throw new Error("a part of the stream has no length");
		if (this.end - this.start < length)
			return null;
		const part = { head: this.head, body: this.bytes.slice(this.start, this.start + length) };
		this.start += length;
		this.head = null;
		return part;
	}

	// The boundary line stands before the headers and has no colon.
	nextHead() {
		for (let at = this.start; at + 3 < this.end; at++) {
			if (this.bytes[at] !== 13 || this.bytes[at + 2] !== 13 || this.bytes[at + 1] !== 10 || this.bytes[at + 3] !== 10)
				continue;
			const text = new TextDecoder().decode(this.bytes.subarray(this.start, at));
			const lines = text.split("\r\n").filter((line) => line.includes(":"));
			if (!lines.length) { // the empty line before the boundary
				this.start = at + 2;
				continue;
			}
			this.start = at + 4;
			return Object.fromEntries(lines.map((line) => {
				const colon = line.indexOf(":");
				return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
			}));
		}
		return null;
	}
}

// ---- a camera

class Camera {
	constructor(name) {
		this.name = name;
		this.path = `${API}/cameras/${encodeURIComponent(name)}`;
		this.root = element("#camera").content.cloneNode(true).firstElementChild;
		this.canvas = element("canvas", this.root);
		this.drawing = this.canvas.getContext("2d");
		this.results = new Map(); // detector -> newest results, oldest first
		this.state = {};
		this.shown = []; // when pictures were drawn
		this.pictures = this.skipped = 0;
		this.arrivals = []; // [when, ms between the server's clock and ours as this picture saw it]
		this.waiting = null; // the newest part that is not decoded yet
		this.decoding = false;
		this.dress();
	}

	dress() {
		this.root.dataset.camera = this.name;
		element("h2", this.root).textContent = this.name;
		this.canvas.setAttribute("aria-label", `Live picture of ${this.name}`);
		this.canvas.dataset.camera = this.name;
		this.canvas.dataset.pictures = 0;
		const link = element(".snapshot", this.root);
		link.href = `${this.path}/snapshot.jpg`;
		link.download = `${this.name}.jpg`;
		this.switches = new Map(VERBS.map((verb) => [verb, this.makeSwitch(verb)]));
	}

	makeSwitch(verb) {
		const button = element("#switch").content.cloneNode(true).firstElementChild;
		button.dataset.verb = verb;
		element(".name", button).textContent = verb[0].toUpperCase() + verb.slice(1);
		button.addEventListener("click", () => this.turn(verb, button.getAttribute("aria-checked") !== "true"));
		element(".switches", this.root).append(button);
		return button;
	}

	// Read the stream for ever; while the page is hidden, do not make anybody encode for it.
	async follow() {
		let pause = RETRY_MS.first;
		while (!this.removed) {
			if (document.hidden) {
				await new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
				continue;
			}
			if (!page.mayStream(this)) {
				await page.inTurn(() => this.snap());
				await wait(SNAPSHOT_PAUSE_MS);
				continue;
			}
			const before = this.pictures;
			this.abort = new AbortController();
			try {
				await this.read(this.abort.signal);
			} catch (error) {
				if (error.name !== "AbortError")
					console.info(`stream of ${this.name}: ${error.message}`);
			}
			pause = this.pictures > before ? RETRY_MS.first : Math.min(2 * pause, RETRY_MS.most);
			await wait(pause);
		}
	}

	async read(signal) {
		const response = await fetch(`${this.path}/stream.mjpg`, { signal, cache: "no-store" });
		if (!response.ok)
			throw new Error(`status ${response.status}`);
		const reader = response.body.getReader();
		const parts = new Parts();
		for (let piece = await reader.read(); !piece.done; piece = await reader.read())
			for (const part of parts.push(piece.value))
				this.receive(part);
	}

	// A snapshot has the headers of a stream's part.
	async snap() {
		if (!this.state.capture?.actual || !this.state.preview?.actual)
			return;
		const response = await fetch(`${this.path}/snapshot.jpg`, { cache: "no-store" });
		if (response.ok)
			this.receive({ head: Object.fromEntries(response.headers), body: new Uint8Array(await response.arrayBuffer()) });
	}

	// Decode one at a time; of those that come meanwhile only the newest counts.
	receive(part) {
		part.arrived = performance.now();
		if (this.waiting)
			this.skipped++;
		this.waiting = part;
		if (!this.decoding)
			this.decode();
	}

	async decode() {
		this.decoding = true;
		while (this.waiting) {
			const part = this.waiting;
			this.waiting = null;
			try {
				const bitmap = await createImageBitmap(new Blob([part.body], { type: "image/jpeg" }));
				this.draw(part, bitmap);
				bitmap.close();
			} catch (error) {
				console.info(`picture of ${this.name}: ${error.message}`);
			}
		}
		this.decoding = false;
	}

	draw(part, bitmap) {
		const { canvas, drawing } = this;
		if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
			canvas.width = bitmap.width;
			canvas.height = bitmap.height;
		}
		drawing.globalAlpha = 1;
		drawing.drawImage(bitmap, 0, 0);
		if (part.head["x-zoetrope-state"]) // the last picture of a camera that is away: it says so itself
			return;
		const time = Number(part.head["x-zoetrope-capture-time"]);
		const results = this.resultsFor(time);
		this.drawResults(results, time);
		this.note(part, time, results);
	}

	// Of each detector the newest result that is not newer than the picture.
	resultsFor(time) {
		const chosen = [];
		for (const results of this.results.values()) {
			const result = results.findLast((one) => one.capture_time <= time);
			if (result && time - result.capture_time < Math.max(FRESH_SECONDS, 2.5 * Math.min(result.period, 60)))
				chosen.push(result);
		}
		return chosen;
	}

	// All boxes first, then the labels, so that no box crosses a label.
	drawResults(results, time) {
		const { canvas, drawing } = this;
		const scale = canvas.width / (canvas.clientWidth || canvas.width);
		const boxes = results.flatMap((result) => result.boxes.map((box) => ({
			...box, age: time - result.capture_time,
			x: box.box[0] * canvas.width, y: box.box[1] * canvas.height, w: box.box[2] * canvas.width, h: box.box[3] * canvas.height,
		})));
		drawing.font = `600 ${12 * scale}px system-ui, "DejaVu Sans", sans-serif`;
		drawing.textBaseline = "middle";
		drawing.lineWidth = 2 * scale;
		for (const box of boxes) {
			drawing.globalAlpha = box.age < 1 ? 1 : 0.6;
			drawing.strokeStyle = PALETTE[box.class % PALETTE.length];
			drawing.strokeRect(box.x, box.y, box.w, box.h);
		}
		const placed = [];
		for (const box of boxes.sort((one, other) => other.score - one.score))
			this.drawLabel(box, scale, placed);
		drawing.globalAlpha = 1;
	}

	// Above the box, else below it, else inside at its top: where it covers no label of a surer box. If nowhere, not at all.
	drawLabel(box, scale, placed) {
		const { canvas, drawing } = this;
		const text = `${box.label} ${Math.round(box.score * 100)}%`;
		const h = 16 * scale, w = drawing.measureText(text).width + 8 * scale;
		const x = Math.max(0, Math.min(box.x - scale, canvas.width - w));
		const places = [box.y - h, box.y + box.h, box.y].map((y) => ({ x, y, w, h }));
		const place = places.find((one) => one.y >= 0 && one.y + h <= canvas.height && !placed.some((other) =>
			one.x < other.x + other.w && other.x < one.x + w && one.y < other.y + h && other.y < one.y + h));
		if (!place)
			return;
		placed.push(place);
		drawing.globalAlpha = box.age < 1 ? 1 : 0.6;
		drawing.fillStyle = PALETTE[box.class % PALETTE.length];
		drawing.fillRect(place.x, place.y, w, h);
		drawing.fillStyle = "#10201e";
		drawing.fillText(text, place.x + 4 * scale, place.y + h / 2 + scale);
	}

	// What tests and the figures below the picture want to know about the picture that is shown.
	note(part, time, results) {
		const now = performance.now();
		const newest = results.reduce((one, other) => (!one || other.capture_time > one.capture_time ? other : one), null);
		this.pictures++;
		this.drawn = now;
		this.age = newest ? time - newest.capture_time : null;
		this.shown = this.shown.filter((then) => now - then < 2000);
		this.shown.push(now);
		this.arrivals = this.arrivals.filter(([then]) => now - then < 10000);
		this.arrivals.push([now, part.arrived - 1000 * Number(part.head["x-zoetrope-send-time"])]);
		this.latency = now - 1000 * time - Math.min(...this.arrivals.map(([, difference]) => difference));
		Object.assign(this.canvas.dataset, {
			sequence: part.head["x-zoetrope-sequence"],
			captureTime: part.head["x-zoetrope-capture-time"],
			pictures: this.pictures,
			boxes: results.reduce((sum, result) => sum + result.boxes.length, 0),
			resultSequence: newest ? newest.sequence : "",
			resultAge: newest ? this.age.toFixed(3) : "",
		});
	}

	addResult(result) {
		const results = this.results.get(result.detector) ?? [];
		this.results.set(result.detector, [...results, result].slice(-RESULTS_KEPT));
	}

	async turn(verb, on) {
		const button = this.switches.get(verb);
		button.setAttribute("aria-busy", "true");
		this.complaint = "";
		try {
			const response = await fetch(`${this.path}/${verb}`, {
				method: "PUT",
				headers: { "Content-Type": "application/json" },
				body: JSON.stringify({ on }),
			});
			const answer = await response.json();
			if (response.ok)
				this.state[verb] = answer;
			else
				this.complaint = answer.error;
		} catch (error) {
			this.complaint = `${verb} could not be turned: ${error.message}`;
		}
		button.removeAttribute("aria-busy");
		this.showState();
	}

	update(state) {
		this.state = state;
		if (state.detect?.actual === false)
			this.results.clear();
		this.showState();
	}

	showState() {
		const chip = element(".bar .chip", this.root);
		chip.textContent = chip.dataset.state = this.state.state ?? "unknown";
		for (const [verb, button] of this.switches)
			this.showSwitch(button, this.state[verb]);
		const reasons = VERBS.map((verb) => this.state[verb]?.reason).concat(this.state.reason, this.complaint);
		const reason = element(".reason", this.root);
		reason.textContent = [...new Set(reasons.filter(Boolean))].join("; ");
		reason.hidden = !reason.textContent;
		this.showFigures();
	}

	showSwitch(button, value) {
		button.disabled = !value;
		button.setAttribute("aria-checked", String(Boolean(value?.wanted)));
		button.dataset.actual = String(value?.actual ?? "");
		button.classList.toggle("differs", Boolean(value) && value.wanted !== value.actual);
		element(".actual", button).textContent = value ? (value.actual ? "on" : "off") : "–";
	}

	figure(name, value, unit = "") {
		const place = element(`[data-figure="${name}"]`, this.root);
		const small = document.createElement("small");
		small.textContent = unit ? ` ${unit}` : "";
		place.replaceChildren(value ?? "–", ...(value === null || value === undefined ? [] : [small]));
	}

	showFigures() {
		const now = performance.now();
		const live = this.drawn && now - this.drawn < STALE_MS;
		const metrics = this.state.metrics ?? {};
		this.shown = this.shown.filter((then) => now - then < 2000);
		const camera = metrics.camera;
		this.figure("fps", live ? (this.shown.length / 2).toFixed(1) : null, camera?.fps ? `of ${Math.round(camera.fps)} fps` : "fps");
		this.figure("latency", live ? milliseconds(this.latency) : null);
		this.figure("age", live && this.age !== null ? milliseconds(1000 * this.age) : null);
		const detectors = Object.values(metrics.detectors ?? {});
		const rate = detectors.reduce((sum, one) => sum + (one.fps ?? 0), 0);
		const took = Math.max(...detectors.map((one) => one.inference_ms?.p50 ?? 0));
		this.figure("detector", detectors.length ? `${rate.toFixed(1)}/s` : null, took > 0 ? milliseconds(took) : "");
		const lost = [camera?.drops, metrics.preview?.drops, this.skipped].map((count) => count ?? 0);
		this.figure("drops", String(lost[0] + lost[1] + lost[2]), lost.some(Boolean) ? `(${lost.join(" + ")})` : "");
		this.figure("saved", metrics.recorder ? String(metrics.recorder.saved) : null);
		const size = this.drawn ? `${this.canvas.width} × ${this.canvas.height}` : "";
		element(".picture", this.root).textContent = [size, camera?.format].filter(Boolean).join(" ");
		this.showMessage(live);
	}

	showMessage(live) {
		const message = element(".message", this.root);
		const text = live && page.connected ? "" : this.trouble();
		if (message.textContent !== text)
			message.textContent = text;
		message.hidden = !text;
		element(".screen", this.root).classList.toggle("stale", Boolean(text) && Boolean(this.drawn));
	}

	trouble() {
		if (!page.connected)
			return "Connection lost, trying again";
		if (this.state.preview?.actual === false)
			return "Preview is off";
		if (this.state.capture?.actual === false)
			return "Capture is off";
		return this.state.reason || "Waiting for a picture";
	}

	remove() {
		this.removed = true;
		this.abort?.abort();
		this.root.remove();
	}
}

// ---- the page

const page = {
	cameras: new Map(),
	connected: false,
	state: null,
	queue: Promise.resolve(),

	mayStream(camera) {
		return [...this.cameras.keys()].indexOf(camera.name) < STREAMS_MOST;
	},

	// One job after the other.
	inTurn(job) {
		this.queue = this.queue.then(job).catch(() => {});
		return this.queue;
	},

	listen() {
		const events = new EventSource(`${API}/events`);
		events.addEventListener("open", () => this.showConnection(true));
		events.addEventListener("state", (event) => this.update(JSON.parse(event.data)));
		events.addEventListener("detections", (event) => {
			const result = JSON.parse(event.data);
			this.cameras.get(result.camera)?.addResult(result);
		});
		events.addEventListener("error", () => {
			this.showConnection(false);
			if (events.readyState === EventSource.CLOSED)
				this.askWhy().then(() => setTimeout(() => this.listen(), RETRY_MS.most));
		});
	},

	// An EventSource does not say why it was refused.
	async askWhy() {
		const response = await fetch(`${API}/state`).catch(() => null);
		const answer = response && !response.ok ? await response.json().catch(() => null) : null;
		this.notice(answer?.error ?? "");
	},

	notice(text) {
		const place = element("#notice");
		place.textContent = text;
		place.hidden = !text;
	},

	showConnection(connected) {
		const chip = element("#connection");
		this.connected = connected;
		chip.dataset.state = connected ? "connected" : "lost";
		chip.textContent = connected ? "live" : "not connected";
	},

	update(state) {
		this.state = state;
		const cameras = state.cameras ?? {};
		for (const [name, camera] of this.cameras) {
			if (name in cameras)
				continue;
			camera.remove();
			this.cameras.delete(name);
		}
		for (const [name, value] of Object.entries(cameras)) {
			if (!this.cameras.has(name)) {
				this.cameras.set(name, new Camera(name));
				element("#cameras").append(this.cameras.get(name).root);
				this.cameras.get(name).follow();
			}
			this.cameras.get(name).update(value);
		}
		this.notice(this.cameras.size ? "" : "No camera is configured: name one under \"cameras:\" in the config.");
		element("#uptime").textContent = state.uptime === undefined ? "" : `up ${this.duration(state.uptime)}`;
		this.showProcesses(state.processes ?? {});
	},

	duration(seconds) {
		const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
		const [size, unit] = parts.find(([least]) => seconds >= least) ?? parts[3];
		return `${Math.floor(seconds / size)} ${unit}`;
	},

	showProcesses(processes) {
		const rows = Object.entries(processes).map(([name, one]) => this.processRow(name, one));
		element("#processes").hidden = !rows.length;
		element("#processes tbody").replaceChildren(...rows);
	},

	processRow(name, one) {
		const row = document.createElement("tr");
		row.dataset.process = name;
		const number = (value, text) => (value === undefined ? "–" : text(value));
		const cells = [
			[name], [this.stateCell(one)],
			[number(one.cpu_percent, (value) => `${value.toFixed(1)} %`), "number"],
			[number(one.memory_bytes, (value) => `${(value / 1048576).toFixed(1)} MiB`), "number"],
			[one.cpus || "–"],
			[number(one.threads, String), "number"], [number(one.restarts, String), "number"],
			[number(one.uptime, (value) => this.duration(value)), "number"], [number(one.pid, String), "number"],
		];
		for (const [content, kind] of cells) {
			const cell = row.insertCell();
			cell.className = kind ?? "";
			cell.append(content);
		}
		return row;
	},

	stateCell(one) {
		const cell = document.createDocumentFragment();
		const chip = document.createElement("span");
		chip.className = "chip";
		chip.textContent = chip.dataset.state = one.state ?? "unknown";
		cell.append(chip);
		if (one.reason) {
			const reason = document.createElement("div");
			reason.className = "quiet";
			reason.textContent = one.reason;
			cell.append(reason);
		}
		return cell;
	},
};

document.addEventListener("visibilitychange", () => {
	if (document.hidden)
		page.cameras.forEach((camera) => camera.abort?.abort());
});
setInterval(() => page.cameras.forEach((camera) => camera.showFigures()), 500);
page.listen();
