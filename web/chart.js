// SPDX-License-Identifier: Apache-2.0
// A chart of the last minutes: one value a second for each series, as lines or as areas on top of each other; a series that is no
// part of the sum is a line over the areas.

const SECONDS = { least: 60, most: 180 };
const LINE_MOST = 3; // times as high as the areas

export class Chart {
	// series: { key: [name, CSS variable of its colour, "over": a line beside the areas, title] }; a point may have a second value for
	// the legend, under the key followed by "99".
	constructor(root, series, { unit, stacked = false, least = 1 }) {
		Object.assign(this, { series, unit, stacked, least });
		this.canvas = root.querySelector("canvas");
		this.legend = root.querySelector("ul");
		this.title = root.querySelector("h3").textContent;
		for (const [key, [name, colour, over, title]] of Object.entries(series)) {
			const item = document.createElement("li");
			const [swatch, text, value, worst] = ["span", "span", "b", "small"].map((tag) => document.createElement(tag));
			swatch.className = over ? "swatch over" : "swatch";
			swatch.style.background = `var(${colour})`;
			text.textContent = name;
			value.dataset.series = key;
			worst.dataset.series = `${key}99`;
			item.title = title ?? "";
			item.append(swatch, text, value, worst);
			this.legend.append(item);
		}
	}

	// history: [{ key: number | undefined, ... }], a second each, the newest last.
	draw(history) {
		const points = history.slice(-SECONDS.most);
		const keys = Object.keys(this.series);
		const last = points.at(-1) ?? {};
		for (const key of keys) {
			this.legend.querySelector(`[data-series="${key}"]`).textContent = this.text(last[key]);
			this.legend.querySelector(`[data-series="${key}99"]`).textContent = last[`${key}99`] === undefined ? "" : this.text(last[`${key}99`]);
		}
		const highest = points.map((point) => keys.reduce((most, key) => this.isArea(key) ? most + (point[key] ?? 0) : most, 0));
		const areas = Math.max(this.least, ...highest);
		// A line far above the areas would flatten them: its number in the legend must do.
		this.shown = keys.filter((key) => this.isArea(key) || !this.stacked || points.every((point) => (point[key] ?? 0) <= LINE_MOST * areas));
		const lines = points.flatMap((point) => this.shown.filter((key) => !this.isArea(key)).map((key) => point[key] ?? 0));
		const top = nice(Math.max(areas, ...lines));
		this.canvas.setAttribute("aria-label", `${this.title}, last ${Math.ceil(SECONDS.most / 60)} minutes; now ` +
			keys.map((key) => `${this.series[key][0]} ${this.text(last[key])}`).join(", "));
		this.paint(points, top);
	}

	isArea(key) {
		return this.stacked && !this.series[key][2];
	}

	text(value) {
		if (value === undefined || value === null)
			return "–";
		return `${value < 10 && !Number.isInteger(value) ? value.toFixed(1) : Math.round(value)}${this.unit}`;
	}

	paint(points, top) {
		const { canvas } = this;
		const drawing = prepare(canvas), width = canvas.clientWidth, height = canvas.clientHeight;
		if (!drawing)
			return;
		const style = getComputedStyle(canvas);
		const plot = { left: 34, right: width - 2, top: 7, bottom: height - 7 };
		const x = (index) => plot.right - ((points.length - 1 - index) * (plot.right - plot.left)) / (Math.max(SECONDS.least, points.length) - 1);
		const y = (value) => plot.bottom - (Math.min(value, top) / top) * (plot.bottom - plot.top);
		drawing.font = "11px system-ui, sans-serif";
		drawing.textAlign = "right";
		drawing.textBaseline = "middle";
		for (const value of [0, top / 2, top]) {
			drawing.fillStyle = style.getPropertyValue("--line");
			drawing.fillRect(plot.left, Math.round(y(value)) - 0.5, plot.right - plot.left, 1);
			drawing.fillStyle = style.getPropertyValue("--quiet");
			drawing.fillText(Number(value.toFixed(1)), plot.left - 6, y(value));
		}
		let base = points.map(() => 0);
		for (const key of this.shown) {
			drawing.strokeStyle = drawing.fillStyle = style.getPropertyValue(this.series[key][1]);
			if (!this.isArea(key)) {
				line(drawing, points.map((point) => point[key]), x, y);
				continue;
			}
			const upper = points.map((point, index) => base[index] + (point[key] ?? 0));
			area(drawing, points, x, (index) => y(upper[index]), (index) => y(base[index]));
			base = upper;
		}
	}
}

const AXIS = { least: 0.1, most: 1000, bins: 52 }; // milliseconds; each step of the axis multiplies

// How often each stage of the latency took how long: a row of bars for each, over one axis.
export class Histogram {
	// series: { key: [name, CSS variable of its colour] }
	constructor(root, series) {
		Object.assign(this, { series, canvas: root.querySelector("canvas"), title: root.querySelector("h3").textContent });
	}

	// samples: { key: [milliseconds, ...] }
	draw(samples) {
		const { canvas } = this, drawing = prepare(canvas);
		if (!drawing)
			return;
		const style = getComputedStyle(canvas), keys = Object.keys(this.series), spoken = [];
		const plot = { left: 62, right: canvas.clientWidth - 8, bottom: canvas.clientHeight - 16 };
		const row = plot.bottom / keys.length;
		const x = (share) => plot.left + share * (plot.right - plot.left);
		drawing.font = "11px system-ui, sans-serif";
		drawing.textBaseline = "middle";
		drawing.textAlign = "center";
		for (let value = AXIS.least; value <= 1.01 * AXIS.most; value *= 10) {
			drawing.fillStyle = style.getPropertyValue("--line");
			drawing.fillRect(Math.round(x(place(value))), 0, 1, plot.bottom);
			drawing.fillStyle = style.getPropertyValue("--quiet");
			drawing.fillText(value >= 999 ? "1 s" : `${Number(value.toFixed(1))}${value > 0.9 && value < 1.1 ? " ms" : ""}`, x(place(value)), plot.bottom + 9);
		}
		drawing.textAlign = "right";
		keys.forEach((key, number) => {
			const [name, colour] = this.series[key], values = samples[key] ?? [], counts = new Array(AXIS.bins).fill(0);
			for (const value of values)
				counts[Math.min(AXIS.bins - 1, Math.floor(place(value) * AXIS.bins))]++;
			const most = Math.max(...counts, 1), floor = Math.round((number + 1) * row) - 1;
			drawing.fillStyle = style.getPropertyValue("--quiet");
			drawing.fillText(name, plot.left - 6, floor - row / 2 + 1);
			drawing.fillStyle = style.getPropertyValue("--line");
			drawing.fillRect(plot.left, floor, plot.right - plot.left, 1);
			drawing.fillStyle = style.getPropertyValue(colour);
			counts.forEach((count, bin) => {
				const height = count && Math.max(1, (count / most) * (row - 4));
				drawing.fillRect(x(bin / AXIS.bins) + 0.5, floor - height, (plot.right - plot.left) / AXIS.bins - 1, height);
			});
			const sorted = [...values].sort((one, other) => one - other), at = (percent) => sorted[Math.floor(((sorted.length - 1) * percent) / 100)];
			if (sorted.length)
				spoken.push(`${name} half within ${at(50).toFixed(1)} ms, 99 of 100 within ${at(99).toFixed(1)} ms`);
		});
		canvas.setAttribute("aria-label", `${this.title}: ${spoken.join("; ") || "none yet"}`);
	}
}

// Where on the axis, from 0 to 1.
function place(value) {
	return Math.min(1, Math.max(0, Math.log(value / AXIS.least) / Math.log(AXIS.most / AXIS.least) || 0));
}

// A clean canvas in the screen's own pixels; null while it is not shown.
function prepare(canvas) {
	const ratio = window.devicePixelRatio || 1;
	if (!canvas.clientWidth)
		return null;
	canvas.width = Math.round(canvas.clientWidth * ratio);
	canvas.height = Math.round(canvas.clientHeight * ratio);
	const drawing = canvas.getContext("2d");
	drawing.scale(ratio, ratio);
	return drawing;
}

// The next of 1, 2, 5, 10, 20 ...
function nice(value) {
	const power = 10 ** Math.floor(Math.log10(value));
	return [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= value - 1e-9);
}

function area(drawing, points, x, upper, lower) {
	drawing.beginPath();
	points.forEach((_, index) => drawing.lineTo(x(index), upper(index)));
	for (let index = points.length - 1; index >= 0; index--)
		drawing.lineTo(x(index), lower(index));
	drawing.fill();
}

function line(drawing, values, x, y) {
	drawing.lineWidth = 1.75;
	drawing.lineJoin = "round";
	drawing.beginPath();
	let gap = true;
	values.forEach((value, index) => {
		if (value === undefined || value === null) {
			gap = true;
			return;
		}
		drawing[gap ? "moveTo" : "lineTo"](x(index), y(value));
		gap = false;
	});
	drawing.stroke();
}
