// The uploaded files: a card for each, counts, a filter, and a bounded number of requests at a time.

import { nameDoubt, sizeOf, tell } from "./answer.js";
import { classify, persist, readLabels } from "./api.js";
import { announce, byId, moveFocus, percent, showBars, showImage } from "./dom.js";
import { toPng } from "./pictures.js";

const CONCURRENT = 5; // of the six connections that a browser opens to one server: a drawing has one left
const BARS = 3;
const CARDS_AT_ONCE = 100; // then the page is painted
const NONE = { wrong: "No file is wrong.", refused: "No file was refused." };

/** The class that a file's name tells, "12-T-shirt.png": after a number, or a sample's after any hyphen. */
export function claimOf(fn, labels, isSample) {
	const [first, ...words] = fn.normalize().replace(/\.\w+$/, "").split("-");
	const claims = words.map((_, index) => words.slice(index).join("-")); // the longest first
	const told = isSample ? claims : /^\d+$/.test(first) ? claims.slice(0, 1) : [];
	return told.map((claim) => labels.find((label) => label.normalize() === claim)).find((label) => label !== undefined);
}

export class Results {
	/** `on` has selected(item), that becomes the current one, settled(item) and progressed(item, share that is sent). */
	constructor(on) {
		this.on = on;
		this.list = byId("cards");
		this.list.onclick = (event) => this.choose(event.target.closest(".card"));
		this.list.onkeydown = (event) => this.choose(moveFocus(event, this.shown()));
		byId("results").onchange = (event) => this.filter(event.target);
		byId("cancel").onclick = () => this.cancel();
		this.clear();
	}

	halt() {
		this.stop?.abort();
		this.stop = new AbortController();
		this.waiting = [];
		this.active = 0;
	}

	/** End what is under way; what is done stays. */
	cancel() {
		this.halt();
		for (const item of this.items) if (item.state === "waiting") this.settle(item, { error: "cancelled" }, "cancelled");
		this.summarise();
		byId("clear").focus(); // the button is gone
	}

	clear() {
		this.halt();
		for (const { url } of this.items ?? []) URL.revokeObjectURL(url);
		this.items = [];
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
			const item = makeItem(file, areSamples);
			this.items.push(item);
			this.waiting.push(item);
			this.list.append(item.card);
			if (!index && select) this.choose(item.card);
			else if (!index) this.letFocus(item.card);
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
			const said = await this.ask(item, signal).catch(({ message }) => ({ error: message }));
			if (signal.aborted) return;
			this.run.done++;
			this.run.seconds = (performance.now() - this.run.started) / 1000;
			this.settle(item, said);
			this.summarise();
		}
		this.active--;
	}

	/** {answer, expected} */
	async ask(item, signal) {
		item.ready ??= toPng(item.file);
		const { blob } = await item.ready;
		const answer = await classify(blob, item.fn, signal, (share) => {
			item.sent = share;
			this.on.progressed(item, share);
			this.summarise();
		});
		if (!item.fn.includes("-")) return { answer };
		this.run.labels ??= persist(signal, readLabels).catch(() => []);
		return { answer, expected: claimOf(item.fn, await this.run.labels, item.isSample) };
	}

	settle(item, said, state) {
		Object.assign(item, said, { ready: null }); // a converted picture may be large
		item.settle();
		showResult(item, state);
		this.on.settled(item);
	}

	choose(card) {
		if (!card) return;
		for (const other of this.list.querySelectorAll("[aria-selected=true]")) other.ariaSelected = "false";
		card.ariaSelected = "true";
		this.letFocus(card);
		this.on.selected(this.items.find((item) => item.card === card));
	}

	/** The Tab key stops at one card. */
	letFocus(card) {
		for (const other of this.list.querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
		card.tabIndex = 0;
	}

	shown() {
		return [...this.list.children].filter((card) => card.checkVisibility());
	}

	filter(choice) {
		choice.checked = true;
		this.list.dataset.show = choice.value;
		const cards = this.shown();
		if (cards.length) this.letFocus(cards.find((card) => card.tabIndex === 0) ?? cards[0]);
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
		const counts = { all, waiting: 0, done: 0, right: 0, wrong: 0, refused: 0, cancelled: 0 };
		let sent = 0; // of what is under way, in files
		for (const item of this.items) {
			counts[item.state]++;
			if (item.state === "waiting") sent += item.sent ?? 0;
		}
		const { waiting, right, wrong, cancelled } = counts;
		const parts = [`${waiting ? `${all - waiting} of ` : ""}${all} file${all === 1 ? "" : "s"}`];
		if (right + wrong) parts.push(`${percent(right / (right + wrong))} right (${right} of ${right + wrong})`);
		if (cancelled) parts.push(`${cancelled} cancelled`);
		if (this.run?.done > 1) parts.push(`${Math.round(this.run.done / this.run.seconds)} files/s`);
		byId("summary").textContent = parts.join(" · ");
		byId("progress").max = all || 1;
		byId("progress").value = all - waiting + sent / 2; // the other half is the server's
		byId("cancel").hidden = !waiting;
		const show = this.list.dataset.show;
		byId("none").hidden = !all || counts[show] > 0;
		byId("none").textContent = NONE[show];
		byId("progress").classList.toggle("done", !waiting);
		for (const label of byId("results").querySelectorAll("[data-count]")) label.textContent = counts[label.dataset.count];
		const chosen = this.items.find(({ card }) => card.ariaSelected === "true");
		if (all && !waiting) announce([...(chosen ? [tell(chosen)] : []), ...parts].join(", "));
	}
}

const part = (card, name) => card.querySelector(`.${name}`);

function makeItem(file, isSample) {
	const card = byId("card").content.firstElementChild.cloneNode(true);
	const fn = file.name.toWellFormed();
	const path = file.path?.toWellFormed() ?? fn; // of files of a folder, whose names may be the same
	part(card, "fn").textContent = part(card, "fn").title = path;
	const url = showImage(part(card, "thumb").firstChild, file);
	const item = { file, fn, path, card, url, isSample, state: "waiting" };
	item.settled = new Promise((settle) => (item.settle = settle));
	return item;
}

function showResult(item, state) {
	const { card, fn, answer, error, expected } = item;
	const label = answer ? String(answer.cls) : "–";
	item.state = state ?? (error ? "refused" : !expected ? "done" : label === expected ? "right" : "wrong");
	const mark = { right: "✓ right", wrong: `✗ expected ${expected}`, refused: "refused", cancelled: "cancelled" }[item.state];
	const doubt = answer && nameDoubt(answer.top) ? "not sure" : "";
	card.classList.add(item.state);
	part(card, "label").classList.add(sizeOf(label));
	const sentence = state ? "" : (error?.replace(`${fn}: `, "") ?? ""); // the name is below
	const texts = { label, mark: mark ?? doubt, sentence, ms: answer ? `${answer.ms.toFixed(1)} ms` : "" };
	for (const [name, text] of Object.entries(texts)) part(card, name).textContent = text;
	showBars(part(card, "bars"), BARS, answer?.top);
}
