// SPDX-License-Identifier: Apache-2.0
// A chart of the last minutes: one value a second for each series, as lines or as areas on top of each other; a series that is no
// part of the sum is a line over the areas.

const SECONDS = { least: 60, most: 180 };

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
		const sums = points.map((point) => keys.reduce((sum, key) => this.isArea(key) ? sum + (point[key] ?? 0) : Math.max(sum, point[key] ?? 0), 0));
		const top = nice(Math.max(this.least, ...sums));
		this.canvas.setAttribute("aria-label", `${this.title}, last ${Math.ceil(SECONDS.most / 60)} minutes; now ` +
			keys.map((key) => `${this.series[key][0]} ${this.text(last[key])}`).join(", "));
		this.paint(points, keys, top);
	}

	isArea(key) {
		return this.stacked && !this.series[key][2];
	}

	text(value) {
		if (value === undefined || value === null)
			return "–";
		return `${value < 10 && !Number.isInteger(value) ? value.toFixed(1) : Math.round(value)}${this.unit}`;
	}

	paint(points, keys, top) {
		const { canvas } = this;
		const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
		if (!width)
			return;
		canvas.width = Math.round(width * ratio);
		canvas.height = Math.round(height * ratio);
		const drawing = canvas.getContext("2d"), style = getComputedStyle(canvas);
		drawing.scale(ratio, ratio);
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
		for (const key of keys) {
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
