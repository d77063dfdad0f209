// SPDX-License-Identifier: Apache-2.0
// A camera: its pictures, drawn with the boxes that belong to them, and its panel with figures and switches.
import { chip } from "./tables.js";

export const API = "/api/v1";
const VERBS = ["capture", "preview", "save", "detect"];
// As in roles/overlay.c.
const PALETTE = ["#ff9f1c", "#2ec4b6", "#e71d73", "#8ac926", "#3a86ff", "#ffd166", "#b56cff", "#ff595e"];
const RESULTS_KEPT = 64;
const FRESH_SECONDS = 3; // as in roles/result.c
const STALE_MS = 2000;
const AWAY_MS = 3000; // of a camera that is away a picture comes once a second
const HOLD = { parts: 64, ms: 2000 }; // how long pictures wait for their own results when boxes are to be exact

const element = (selector, within = document) => within.querySelector(selector);
const milliseconds = (value) => (value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${Math.round(value)} ms`);
const percentile = (values, percent) => values.length ? [...values].sort((one, other) => one - other)[Math.floor(((values.length - 1) * percent) / 100)] : undefined;
const HISTORY = 180; // seconds kept for the charts
const STAGES = ["publish", "wait", "encode", "send", "show"]; // of a picture's way
const TRAIL_SECONDS = 2; // of an object that is followed
const timeOf = (part) => Number(part.head["x-zoetrope-capture-time"]);
const sequenceOf = (part) => Number(part.head["x-zoetrope-sequence"]);
// With a second stream for the detectors the numbers are those of other frames.
const SAME_SECONDS = 0.0001;
const isOwn = (result, time, sequence) => result.sequence === sequence && Math.abs(result.capture_time - time) < SAME_SECONDS;
const isFresh = (result, time) => time - result.capture_time < Math.max(FRESH_SECONDS, 2.5 * Math.min(result.period, 60));

// A canvas with pictures of a camera, and what is known about the one that it shows.
class View {
	constructor(camera, canvas) {
		Object.assign(this, { camera, canvas, drawing: canvas.getContext("2d") });
		this.shown = []; // when pictures were drawn
		this.arrivals = []; // [when, ms between the server's clock and ours as this picture saw it]
		this.stages = []; // of the last pictures: ms spent in each stage
		this.held = []; // parts that wait for their own result
		this.pictures = this.skipped = 0;
		this.waiting = null; // the newest part that is not decoded yet
		this.decoding = false;
		canvas.dataset.camera = camera.name;
		canvas.dataset.pictures = 0;
		canvas.setAttribute("aria-label", `Live picture of ${camera.name}`);
	}

	get live() {
		return Boolean(this.drawn) && performance.now() - this.drawn < STALE_MS;
	}

	receive(part) {
		if (this.camera.boxes !== "exact") {
			this.held = [];
			this.released = null;
			this.enqueue(part);
			return;
		}
		this.released ??= performance.now();
		this.held = [...this.held, part].slice(-HOLD.parts);
		this.release();
		if (performance.now() - this.released > HOLD.ms)
			this.enqueue(part);
	}

	// A picture or a result has come: the newest picture with all of its results may be shown, and those before it are over.
	release() {
		const now = performance.now();
		const at = this.held.findLastIndex((part) => this.camera.hasResults(timeOf(part), sequenceOf(part), now - part.arrived > HOLD.ms));
		if (at < 0)
			return;
		this.released = now;
		this.enqueue(this.held[at]);
		this.held.splice(0, at + 1);
	}

	// Decode one at a time; of those that come meanwhile only the newest counts.
	enqueue(part) {
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
				console.info(`picture of ${this.camera.name}: ${error.message}`);
			}
		}
		this.decoding = false;
	}

	draw(part, bitmap) {
		const { canvas, drawing } = this;
		if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
			canvas.width = bitmap.width;
			canvas.height = bitmap.height;
			this.camera.root.style.setProperty("--shape", bitmap.width / bitmap.height);
		}
		drawing.globalAlpha = 1;
		drawing.drawImage(bitmap, 0, 0);
		this.away = part.head["x-zoetrope-state"] ? performance.now() : 0;
		if (this.away) // the last picture of a camera that is away, with the reason written over it
			return;
		const time = timeOf(part);
		const results = this.camera.resultsFor(time, sequenceOf(part));
		this.drawResults(results, time);
		this.note(part, time, results);
	}

	// All boxes first, then the labels, so that no box crosses a label.
	drawResults(results, time) {
		const { canvas, drawing } = this;
		const scale = canvas.width / (canvas.clientWidth || canvas.width);
		const boxes = results.flatMap((result) => result.boxes.map((box) => ({
			...box, age: time - result.capture_time,
			x: box.box[0] * canvas.width, y: box.box[1] * canvas.height, w: box.box[2] * canvas.width, h: box.box[3] * canvas.height,
		})));
		drawing.lineWidth = 2 * scale;
		results.forEach((result) => this.drawTrails(result));
		drawing.font = `600 ${12 * scale}px system-ui, "DejaVu Sans", sans-serif`;
		drawing.textBaseline = "middle";
		for (const box of boxes) {
			drawing.globalAlpha = box.age < 1 ? 1 : 0.6;
			drawing.strokeStyle = PALETTE[box.class % PALETTE.length];
			drawing.strokeRect(box.x, box.y, box.w, box.h);
		}
		const placed = [];
		if (canvas.clientWidth >= 320)
			for (const box of boxes.sort((one, other) => other.score - one.score))
				this.drawLabel(box, scale, placed);
		drawing.globalAlpha = 1;
	}

	// Where the middle of each object that is followed has been.
	drawTrails(result) {
		const { canvas, drawing } = this;
		const before = this.camera.results.get(result.detector).filter((one) =>
			one.capture_time <= result.capture_time && one.capture_time > result.capture_time - TRAIL_SECONDS);
		for (const { track, class: number } of result.boxes) {
			if (!track)
				continue;
			drawing.strokeStyle = PALETTE[number % PALETTE.length];
			drawing.beginPath();
			for (const { box: [x, y, w, h] } of before.flatMap((one) => one.boxes.filter((box) => box.track === track)))
				drawing.lineTo((x + w / 2) * canvas.width, (y + h / 2) * canvas.height);
			drawing.stroke();
		}
	}

	// Above the box, else below it, else inside at its top: where it covers no label of a surer box. If nowhere, not at all.
	drawLabel(box, scale, placed) {
		const { canvas, drawing } = this;
		const text = `${box.label}${box.track ? ` #${box.track}` : ""} ${Math.round(box.score * 100)}%`;
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
		const now = performance.now(), head = part.head;
		const newest = results.reduce((one, other) => (!one || other.capture_time > one.capture_time ? other : one), null);
		this.pictures++;
		this.drawn = now;
		this.age = newest ? time - newest.capture_time : null;
		this.shown = [...this.shown.filter((then) => now - then < STALE_MS), now];
		const at = (name) => 1000 * Number(head[`x-zoetrope-${name}`]);
		this.arrivals = [...this.arrivals.filter(([then]) => now - then < 10000), [now, part.arrived - at("send-time")]];
		const difference = Math.min(...this.arrivals.map(([, one]) => one));
		this.latency = now - at("capture-time") - difference;
		this.stages = [...this.stages, {
			publish: at("publish-time") - at("capture-time"), wait: at("encode-begin") - at("publish-time"),
			encode: at("encode-end") - at("encode-begin"), send: at("send-time") - at("encode-end"),
			show: now - at("send-time") - difference,
		}].slice(-300);
		Object.assign(this.canvas.dataset, {
			sequence: head["x-zoetrope-sequence"],
			captureTime: head["x-zoetrope-capture-time"],
			pictures: this.pictures,
			boxes: results.reduce((sum, result) => sum + result.boxes.length, 0),
			resultSequence: newest ? newest.sequence : "",
			resultAge: newest ? this.age.toFixed(3) : "",
		});
	}
}

export class Camera {
	constructor(name, page) {
		this.name = name;
		this.page = page;
		this.path = `${API}/cameras/${encodeURIComponent(name)}`;
		this.root = element("#camera").content.cloneNode(true).firstElementChild;
		this.tile = element("#tile").content.cloneNode(true).firstElementChild;
		this.large = new View(this, element("canvas", this.root));
		this.small = new View(this, element("canvas", this.tile));
		this.results = new Map(); // detector -> newest results, oldest first
		this.state = {};
		this.history = this.keptHistory(); // a second each
		this.dress();
	}

	get boxes() {
		return this.page.boxes;
	}

	// The view that has what is newest.
	get view() {
		return this.page.chosen === this ? this.large : this.small;
	}

	dress() {
		this.root.dataset.camera = this.tile.dataset.camera = this.name;
		element("h2", this.root).textContent = element(".name", this.tile).textContent = this.name;
		element(".name", this.tile).title = this.name;
		const link = element(".snapshot", this.root);
		link.href = `${this.path}/snapshot.jpg`;
		link.download = `${this.name}.jpg`;
		element(".full", this.root).addEventListener("click", () => this.fill());
		this.tile.addEventListener("click", () => this.page.choose(this));
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

	// The whole window for the picture, and back.
	fill() {
		if (document.fullscreenElement)
			document.exitFullscreen();
		else
			element(".screen", this.root).requestFullscreen?.().catch(() => {});
	}

	// Of each detector the newest result that is not newer than the picture; if boxes are to be exact, only the picture's own.
	resultsFor(time, sequence) {
		if (this.boxes === "off")
			return [];
		const chosen = [];
		for (const results of this.results.values()) {
			const exact = results.find((one) => isOwn(one, time, sequence));
			const result = exact ?? results.findLast((one) => one.capture_time <= time);
			if (result && (exact || this.boxes !== "exact") && isFresh(result, time))
				chosen.push(result);
		}
		return chosen;
	}

	// Has every detector that is at work looked at that picture, or gone past it? Who has waited for long enough is content with one.
	hasResults(time, sequence, impatient) {
		const detectors = [...this.results.values()];
		return detectors.some((results) => results.some((one) => isOwn(one, time, sequence))) &&
			(impatient || detectors.every((results) => results.at(-1).capture_time > time - SAME_SECONDS || !isFresh(results.at(-1), time)));
	}

	addResult(result) {
		const results = this.results.get(result.detector) ?? [];
		this.results.set(result.detector, [...results, result].slice(-RESULTS_KEPT));
		for (const view of [this.large, this.small])
			view.release();
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
		this.remember();
		this.showState();
	}

	// { stage: milliseconds of each of the last pictures, results }
	get samples() {
		const samples = { detect: this.lookingTimes, all: this.view.stages.map((one) => Object.values(one).reduce((sum, time) => sum + time, 0)) };
		for (const name of STAGES)
			samples[name] = this.view.stages.map((one) => one[name]);
		return samples;
	}

	// From capture until the result was there.
	get lookingTimes() {
		return [...this.results.values()].flat().map((result) => 1000 * (result.publish_time - result.capture_time));
	}

	// The charts go on after a reload of the page, with a gap for the time between.
	keptHistory() {
		try {
			const { when, history } = JSON.parse(sessionStorage.getItem(`history ${this.name}`));
			const gap = Math.min(HISTORY, Math.max(0, Math.round((Date.now() - when) / 1000) - 1));
			return [...history, ...Array.from({ length: gap }, () => ({}))].slice(-HISTORY);
		} catch { // none, or no room for it
			return [];
		}
	}

	keepHistory() {
		try {
			sessionStorage.setItem(`history ${this.name}`, JSON.stringify({ when: Date.now(), history: this.history }));
		} catch (error) {
			console.info(`charts of ${this.name} are not kept: ${error.message}`);
		}
	}

	// One value a second for the charts; states may come more often.
	remember() {
		const now = performance.now(), metrics = this.state.metrics ?? {};
		if (now - (this.remembered ?? 0) < 900)
			return;
		this.remembered = now;
		const { view } = this, stages = {};
		for (const name of STAGES) {
			stages[name] = view.live ? percentile(view.stages.slice(-30).map((one) => one[name]), 50) : undefined;
			stages[`${name}99`] = view.live ? percentile(view.stages.map((one) => one[name]), 99) : undefined;
		}
		const times = this.lookingTimes;
		stages.detect = percentile(times, 50);
		stages.detect99 = percentile(times, 99);
		const totals = { camera: metrics.camera?.drops ?? 0, preview: metrics.preview?.drops ?? 0, page: this.large.skipped + this.small.skipped };
		const drops = {};
		for (const [name, total] of Object.entries(totals))
			drops[name] = Math.max(0, total - (this.totals?.[name] ?? total));
		this.totals = totals;
		const detectors = Object.values(metrics.detectors ?? {});
		this.history = [...this.history, {
			...stages, ...drops, captured: metrics.camera?.fps,
			shown: view.live ? view.shown.length / (STALE_MS / 1000) : 0,
			detected: detectors.length ? detectors.reduce((sum, one) => sum + (one.fps ?? 0), 0) : undefined,
		}].slice(-HISTORY);
	}

	showState() {
		for (const place of [element(".bar .chip", this.root), element(".chip", this.tile)])
			place.replaceWith(chip(this.state.state));
		for (const [verb, button] of this.switches)
			this.showSwitch(button, this.state[verb]);
		const reasons = [...new Set(VERBS.map((verb) => this.state[verb]?.reason).concat(this.state.reason, this.complaint))].filter(Boolean);
		const reason = element(".reason", this.root);
		reason.textContent = reasons.filter((one) => !reasons.some((other) => other !== one && other.includes(one))).join("; ");
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
		const { view } = this, now = performance.now(), metrics = this.state.metrics ?? {}, { camera } = metrics;
		view.shown = view.shown.filter((then) => now - then < STALE_MS);
		const rate = view.live ? (view.shown.length / (STALE_MS / 1000)).toFixed(1) : null;
		this.figure("fps", rate, camera?.fps ? `of ${Math.round(camera.fps)} fps` : "fps");
		element(".rate", this.tile).textContent = rate ? `${Math.round(rate)} fps` : "";
		this.figure("latency", view.live ? milliseconds(view.latency) : null);
		this.figure("age", view.live && view.age !== null ? milliseconds(1000 * view.age) : null);
		const detectors = Object.values(metrics.detectors ?? {});
		const results = detectors.reduce((sum, one) => sum + (one.fps ?? 0), 0);
		const took = Math.max(...detectors.map((one) => one.inference_ms?.p50 ?? 0));
		this.figure("detector", detectors.length ? `${results.toFixed(1)}/s` : null, took > 0 ? milliseconds(took) : "");
		const lost = [camera?.drops, metrics.preview?.drops, this.large.skipped + this.small.skipped].map((count) => count ?? 0);
		this.figure("drops", String(lost[0] + lost[1] + lost[2]), lost.some(Boolean) ? `(${lost.join(" + ")})` : "");
		this.figure("saved", metrics.recorder ? String(metrics.recorder.saved) : null);
		const size = camera?.width ? `${camera.width} × ${camera.height}` : "";
		element(".picture", this.root).textContent = [size, camera?.format].filter(Boolean).join(" ");
		for (const [one, root] of [[this.large, this.root], [this.small, this.tile]])
			this.showMessage(one, root);
	}

	showMessage(view, root) {
		const message = element(".message", root);
		const saysItself = view.live || (view.away && performance.now() - view.away < AWAY_MS && this.state.preview?.actual !== false);
		const text = saysItself && this.page.connected ? "" : this.trouble();
		if (message.textContent !== text)
			message.textContent = text;
		message.hidden = !text;
		element(".screen", root).classList.toggle("stale", Boolean(text) && Boolean(view.drawn));
	}

	trouble() {
		if (!this.page.connected)
			return "Connection lost, trying again";
		if (this.state.preview?.actual === false)
			return "Preview is off";
		if (this.state.capture?.wanted === false)
			return "Capture is off";
		return this.state.reason || "Waiting for a picture";
	}

	remove() {
		this.root.remove();
		this.tile.remove();
	}
}
