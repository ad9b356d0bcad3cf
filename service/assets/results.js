// The list of uploaded files: a card for each, their counts, a filter, a bounded number of requests at a time.

import { sizeOf } from "./answer.js";
import { classify, readLabels, Refused } from "./api.js";
import { announce, byId, percent, plural, showBars, showImage } from "./dom.js";

const CONCURRENT = 6; // as many connections as a browser opens to one server
const BARS = 3;
const CARDS_AT_ONCE = 100; // then the page is painted

export class Results {
	/** `selected` is called with an item that becomes the current one, `settled` with each that has its answer. */
	constructor(selected, settled) {
		this.selected = selected;
		this.settled = settled;
		this.list = byId("cards");
		this.list.addEventListener("click", (event) => this.choose(event.target.closest(".card")));
		this.list.addEventListener("keydown", (event) => this.step(event));
		byId("results").addEventListener("change", (event) => this.filter(event.target.value));
		this.reset();
	}

	reset() {
		this.stop?.abort();
		this.stop = new AbortController();
		this.items = [];
		this.waiting = [];
		this.active = 0;
		this.counts = { done: 0, right: 0, wrong: 0, refused: 0 };
		this.list.replaceChildren();
	}

	clear() {
		this.items.forEach(({ url }) => URL.revokeObjectURL(url));
		this.reset();
		byId("results").hidden = true;
		byId("results").querySelector("input").checked = true;
		this.filter("all");
	}

	/** Show the files at once and send them. A sample's name tells its class whatever stands before it. */
	async add(files, areSamples = false) {
		if (!files.length) return;
		const { signal } = this.stop;
		if (!this.active) this.run = { started: performance.now(), done: 0 };
		byId("results").hidden = false;
		const claim = areSamples ? /-([^-]+)\.png$/i : /^\d+-(.+)\.png$/i;
		for (const [index, file] of files.entries()) {
			const fn = file.name.toWellFormed();
			const item = { file, fn, claim: claim.exec(fn)?.[1], answer: null, error: null, expected: null };
			this.items.push(item);
			this.waiting.push(item);
			this.list.append(this.makeCard(item));
			if (index === 0) this.choose(item.card);
			if (index % CARDS_AT_ONCE === CARDS_AT_ONCE - 1) await new Promise((done) => setTimeout(done));
			if (signal.aborted) return;
			this.send();
		}
		this.summarise();
	}

	send() {
		while (this.active < CONCURRENT && this.waiting.length) {
			this.active++;
			this.work(this.stop.signal);
		}
	}

	async work(signal) {
		for (let item; (item = this.waiting.shift()); ) {
			try {
				item.answer = await classify(item.file, item.fn, signal);
				if (item.claim && (await readLabels().catch(() => [])).includes(item.claim)) item.expected = item.claim;
			} catch (error) {
				if (signal.aborted) return;
				item.error = error instanceof Refused ? error.message : `The page failed on this file: ${error}`;
			}
			if (signal.aborted) return;
			this.settle(item);
		}
		this.active--;
		this.summarise();
	}

	settle(item) {
		const { card } = item;
		const state = item.error ? "refused" : item.expected === null ? "done" : isRight(item) ? "right" : "wrong";
		if (state in this.counts && state !== "done") this.counts[state]++;
		this.counts.done++;
		this.run.done++;
		card.classList.add(state);
		part(card, "label").textContent = item.error ? "–" : item.answer.cls;
		part(card, "label").classList.add(sizeOf(String(item.answer?.cls ?? "")));
		part(card, "mark").textContent = { right: "✓ right", wrong: `✗ expected ${item.expected}`, refused: "refused" }[state] ?? "";
		part(card, "sentence").textContent = item.error?.replace(`${item.fn}: `, "") ?? ""; // the name is below
		part(card, "ms").textContent = item.answer ? `${item.answer.ms.toFixed(1)} ms` : "";
		showBars(part(card, "bars"), BARS, item.answer?.top);
		card.ariaLabel = describe(item, state);
		this.settled(item);
		this.summarise();
	}

	makeCard(item) {
		const card = byId("card").content.firstElementChild.cloneNode(true);
		card.item = item;
		item.card = card;
		item.url = showImage(part(card, "thumb").firstChild, item.file);
		part(card, "fn").textContent = part(card, "fn").title = item.fn;
		card.ariaLabel = `${item.fn}: waiting`;
		return card;
	}

	choose(card) {
		if (!card) return;
		for (const other of this.list.querySelectorAll("[aria-selected=true], [tabindex='0']")) {
			other.ariaSelected = "false";
			other.tabIndex = -1;
		}
		card.ariaSelected = "true";
		card.tabIndex = 0;
		this.selected(card.item);
	}

	/** Arrow keys, Home and End move among the cards that the filter shows. */
	step(event) {
		const cards = [...this.list.children].filter((card) => card.checkVisibility());
		const columns = getComputedStyle(this.list).gridTemplateColumns.split(" ").length;
		const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -cards.length, End: cards.length };
		if (!(event.key in steps)) return;
		event.preventDefault();
		const index = cards.indexOf(document.activeElement) + steps[event.key];
		const next = cards[Math.max(0, Math.min(cards.length - 1, index))];
		next?.focus();
		this.choose(next);
	}

	filter(show) {
		this.list.dataset.show = show;
		this.summarise();
		const first = [...this.list.children].find((card) => card.checkVisibility());
		if (first && !this.list.querySelector("[tabindex='0']")?.checkVisibility()) first.tabIndex = 0;
	}

	/** Counts and speed, once for each painted frame. */
	summarise() {
		this.frame ??= requestAnimationFrame(() => {
			this.frame = undefined;
			this.showSummary();
		});
	}

	showSummary() {
		const { done, right, wrong, refused } = this.counts;
		const total = this.items.length;
		const seconds = (performance.now() - this.run?.started) / 1000;
		const parts = [done < total ? `${done} of ${plural(total, "file")}` : plural(total, "file")];
		if (right + wrong) parts.push(`${percent(right / (right + wrong))} right (${right} of ${right + wrong})`);
		if (this.run?.done > 1) parts.push(`${Math.round(this.run.done / seconds)} files/s`);
		byId("summary").textContent = parts.join(" · ");
		byId("progress").max = total || 1;
		byId("progress").value = done;
		byId("progress").classList.toggle("done", done === total);
		Object.entries({ all: total, right, wrong, refused }).forEach(([name, n]) => (byId(`n-${name}`).textContent = n));
		const shown = { all: total, right, wrong, refused }[this.list.dataset.show];
		byId("nothing").hidden = shown > 0;
		if (total && done === total) announce(parts.join(", "));
	}
}

const part = (card, name) => card.querySelector(`.${name}`);

const isRight = ({ answer, expected }) => String(answer.cls) === expected;

function describe({ fn, answer, error, expected }, state) {
	if (error) return `${fn}: refused, ${error}`;
	const mark = { right: ", right", wrong: `, wrong, expected ${expected}` }[state] ?? "";
	return `${fn}: ${answer.cls}, ${percent(answer.top[0][1])}${mark}`;
}
