// SPDX-License-Identifier: Apache-2.0
// A multipart stream of pictures and events: read with fetch(), cut into parts by their length, opened again when it ends.
// While the page is hidden nothing is read, so that nobody encodes for it.

const RETRY_MS = { first: 250, most: 2000 };
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// Bytes go in as they come, whole parts come out.
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

export class Stream {
	// take(part) gets every part; changed(connected, sentence) is told when the connection comes and goes.
	constructor(address, take, changed = () => {}) {
		Object.assign(this, { address, take, changed });
		document.addEventListener("visibilitychange", () => document.hidden && this.abort?.abort());
		this.follow();
	}

	// Another address, or none at all.
	open(address) {
		if (address === this.address)
			return;
		this.address = address;
		this.abort?.abort();
		this.moved?.();
	}

	async follow() {
		let pause = RETRY_MS.first;
		for (;;) {
			if (document.hidden) {
				await new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
				continue;
			}
			if (!this.address) {
				await new Promise((done) => { this.moved = done; });
				continue;
			}
			this.parts = 0;
			this.abort = new AbortController();
			const address = this.address;
			const sentence = await this.read(address, this.abort.signal).catch((error) => error.name === "AbortError" ? null : error.message);
			if (sentence !== null)
				this.changed(false, sentence ?? "");
			pause = this.parts ? RETRY_MS.first : Math.min(2 * pause, RETRY_MS.most);
			if (address === this.address)
				await wait(pause);
		}
	}

	async read(address, signal) {
		const response = await fetch(address, { signal, cache: "no-store" });
		if (!response.ok)
			throw new Error((await response.json().catch(() => ({}))).error ?? `status ${response.status}`);
		this.changed(true);
		const reader = response.body.getReader();
		const parts = new Parts();
		for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
			for (const part of parts.push(piece.value)) {
				this.parts++;
				part.arrived = performance.now();
				this.take(part);
			}
		}
	}
}
