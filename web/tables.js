// SPDX-License-Identifier: Apache-2.0
// The tables below the pictures: processes, and who reads which topic.

const MEBI = 1048576;
const KINDS = { detections: "results", events: "events", packets: "packets" }; // of topics without pictures
const or = (value, text) => (value === undefined || value === null ? "–" : text(value));

export function duration(seconds) {
	const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
	const [size, unit] = parts.find(([least]) => seconds >= least) ?? parts[3];
	return `${Math.floor(seconds / size)} ${unit}`;
}

export function chip(state) {
	const chip = document.createElement("span");
	chip.className = "chip";
	chip.textContent = chip.dataset.state = state ?? "unknown";
	return chip;
}

// cells: [content, is it a number?]
function row(cells) {
	const row = document.createElement("tr");
	for (const [content, number] of cells) {
		const cell = row.insertCell();
		cell.className = number ? "number" : "";
		cell.append(content);
	}
	return row;
}

function quiet(text) {
	const place = document.createElement("div");
	place.className = "quiet";
	place.textContent = text;
	return place;
}

function stateCell(one) {
	const cell = document.createDocumentFragment();
	cell.append(chip(one.state));
	if (one.reason)
		cell.append(quiet(one.reason));
	return cell;
}

function processRow(name, state, one) {
	return row([
		[name], [state],
		[or(one.cpu_percent, (value) => `${value.toFixed(1)} %`), true],
		[or(one.memory_bytes, (value) => `${(value / MEBI).toFixed(1)} MiB`), true],
		[one.cpus || "–"],
		[or(one.threads, String), true], [or(one.restarts, String), true],
		[or(one.uptime, duration), true], [or(one.pid, String), true],
	]);
}

// A process, and below it those that it has started, as a detector its workers.
export function showProcesses(section, processes) {
	const rows = Object.entries(processes).flatMap(([name, one]) => {
		const made = processRow(name, stateCell(one), one);
		made.dataset.process = name;
		const children = (one.children ?? []).map((child) => {
			const below = processRow(quiet(`↳ ${child.program}`), "", child);
			below.dataset.child = name;
			return below;
		});
		return [made, ...children];
	});
	section.hidden = !rows.length;
	section.querySelector("tbody").replaceChildren(...rows);
}

// Rates are the difference between two looks.
export class Topics {
	constructor(section) {
		this.section = section;
		this.before = { time: 0, counts: new Map() };
	}

	show(answer, processes) {
		const titles = new Map(Object.entries(processes).flatMap(([title, one]) =>
			[one, ...(one.children ?? [])].map(({ pid }) => [pid, title])));
		const seconds = answer.time - this.before.time, counts = new Map();
		const used = answer.topics.filter((topic) => topic.width || topic.parties.some((one) => one.role === "subscriber" || one.frames > 0));
		const rows = used.map((topic) => {
			const parties = (role) => topic.parties.filter((one) => one.role === role).map((one) => {
				const key = [topic.topic, role, one.pid].join(" "), old = this.before.counts.get(key);
				counts.set(key, one.frames);
				const rate = old === undefined || one.frames < old ? "" : ` ${((one.frames - old) / seconds).toFixed(1)}/s`;
				const line = document.createElement("div");
				const name = titles.get(one.pid) ?? (one.program === "?" ? "process" : one.program);
				line.append(titles.has(one.pid) ? name : `${name} (${one.pid})`, Object.assign(document.createElement("small"), { textContent: rate }));
				return line;
			});
			const lines = (role) => {
				const found = parties(role), cell = document.createDocumentFragment();
				cell.append(...(found.length ? found : [quiet("nobody")]));
				return cell;
			};
			const what = [topic.width ? `${topic.width} × ${topic.height}` : "", topic.format].filter(Boolean).join(" ");
			const made = row([[topic.topic], [what || (KINDS[topic.topic.split("/").at(-1)] ?? "–")], [lines("publisher")], [lines("subscriber")],
				[`${(topic.memory_bytes / MEBI).toFixed(1)} MiB`, true]]);
			made.dataset.topic = topic.topic;
			return made;
		});
		this.before = { time: answer.time, counts };
		this.section.hidden = !rows.length;
		this.section.querySelector("tbody").replaceChildren(...rows);
		const unused = answer.topics.filter((topic) => !used.includes(topic)).map((topic) => topic.topic);
		const more = this.section.querySelector(".more");
		more.textContent = unused.length ? `${unused.length} more that nobody reads, and that are empty therefore: ${unused.join(", ")}` : "";
		more.hidden = !unused.length;
	}
}
