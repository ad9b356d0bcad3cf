// The uploaded files: a card for each, counts, a filter, and a bounded number of requests at a time.

import { sizeOf } from "./answer.js";
import { classify, readLabels } from "./api.js";
import { announce, byId, moveFocus, percent, showBars, showImage } from "./dom.js";

const CONCURRENT = 6; // as many connections as a browser opens to one server
const BARS = 3;
const CARDS_AT_ONCE = 100; // then the page is painted

export class Results {
	/** `selected` is called with an item that becomes the current one, `settled` with each that has its answer. */
	constructor(selected, settled) {
		this.selected = selected;
		this.settled = settled;
		this.list = byId("cards");
		this.list.onclick = (event) => this.choose(event.target.closest(".card"));
		this.list.onkeydown = (event) => this.choose(moveFocus(event, this.shown()));
		byId("results").onchange = (event) => this.filter(event.target);
		this.clear();
	}

	clear() {
		this.stop?.abort();
		this.stop = new AbortController();
		for (const { url } of this.items ?? []) URL.revokeObjectURL(url);
		this.items = [];
		this.waiting = [];
		this.active = 0;
		this.list.replaceChildren();
		byId("results").hidden = true;
		this.filter(document.querySelector("[name=show]"));
	}

	/** Show the files and send them. A sample's name tells its class, whatever stands before it. */
	async add(files, areSamples, select = true) {
		const { signal } = this.stop;
		if (!this.active) this.run = { started: performance.now(), done: 0 };
		byId("results").hidden = !files.length && !this.items.length;
		for (const [index, file] of files.entries()) {
			const item = makeItem(file, areSamples ? /-([^-]+)\.png$/i : /^\d+-(.+)\.png$/i);
			this.items.push(item);
			this.waiting.push(item);
			this.list.append(item.card);
			if (!index && select) this.choose(item.card);
			else if (!index) item.card.tabIndex = 0;
			if (index % CARDS_AT_ONCE === CARDS_AT_ONCE - 1) await new Promise((done) => setTimeout(done));
			if (signal.aborted) return;
			if (this.active < CONCURRENT) this.work(signal);
		}
		this.summarise();
	}

	async work(signal) {
		this.active++;
		while (this.waiting.length) {
			const item = this.waiting.shift();
			try {
				item.answer = await classify(item.file, item.fn, signal);
				if (item.claim && (await readLabels().catch(() => [])).includes(item.claim)) item.expected = item.claim;
			} catch (error) {
				item.error = error.message;
			}
			if (signal.aborted) return;
			this.run.done++;
			this.run.seconds = (performance.now() - this.run.started) / 1000;
			showResult(item);
			this.settled(item);
			this.summarise();
		}
		if (!--this.active) performance.clearResourceTimings();
	}

	choose(card) {
		if (!card) return;
		for (const other of this.list.querySelectorAll("[aria-selected=true], [tabindex='0']")) {
			other.ariaSelected = "false";
			other.tabIndex = -1;
		}
		card.ariaSelected = "true";
		card.tabIndex = 0;
		this.selected(this.items.find((item) => item.card === card));
	}

	shown() {
		return [...this.list.children].filter((card) => card.checkVisibility());
	}

	filter(choice) {
		choice.checked = true;
		this.list.dataset.show = choice.value;
		const cards = this.shown();
		if (cards.length && !cards.some((card) => card.tabIndex === 0)) cards[0].tabIndex = 0;
		this.summarise();
	}

	/** Counts and speed, once for each painted frame. */
	summarise() {
		this.frame ??= requestAnimationFrame(() => {
			this.frame = undefined;
			this.showSummary();
		});
	}

	showSummary() {
		const all = this.items.length;
		const counts = { all, waiting: 0, right: 0, wrong: 0, refused: 0 };
		for (const { state } of this.items) counts[state]++;
		const { waiting, right, wrong } = counts;
		const parts = [`${waiting ? `${all - waiting} of ` : ""}${all} file${all === 1 ? "" : "s"}`];
		if (right + wrong) parts.push(`${percent(right / (right + wrong))} right (${right} of ${right + wrong})`);
		if (this.run?.done > 1) parts.push(`${Math.round(this.run.done / this.run.seconds)} files/s`);
		byId("summary").textContent = parts.join(" · ");
		byId("progress").max = all || 1;
		byId("progress").value = all - waiting;
		byId("progress").classList.toggle("done", !waiting);
		for (const label of byId("results").querySelectorAll("[data-count]")) label.textContent = counts[label.dataset.count];
		if (all && !waiting) announce(parts.join(", "));
	}
}

const part = (card, name) => card.querySelector(`.${name}`);

function makeItem(file, claimed) {
	const card = byId("card").content.firstElementChild.cloneNode(true);
	const fn = file.name.toWellFormed();
	part(card, "fn").textContent = part(card, "fn").title = fn;
	card.ariaLabel = `${fn}: waiting`;
	const url = showImage(part(card, "thumb").firstChild, file);
	return { file, fn, card, url, claim: claimed.exec(fn)?.[1], state: "waiting" };
}

function showResult(item) {
	const { card, fn, answer, error, expected } = item;
	const label = answer ? String(answer.cls) : "–";
	item.state = error ? "refused" : !expected ? "done" : label === expected ? "right" : "wrong";
	const mark = { right: "✓ right", wrong: `✗ expected ${expected}`, refused: "refused" }[item.state] ?? "";
	card.classList.add(item.state);
	part(card, "label").classList.add(sizeOf(label));
	const sentence = error?.replace(`${fn}: `, "") ?? ""; // the name is below
	const texts = { label, mark, sentence, ms: answer ? `${answer.ms.toFixed(1)} ms` : "" };
	for (const [name, text] of Object.entries(texts)) part(card, name).textContent = text;
	showBars(part(card, "bars"), BARS, answer?.top);
	card.ariaLabel = `${fn}: ${error ?? `${label}, ${percent(answer.top[0][1])}`}, ${mark}`;
}
