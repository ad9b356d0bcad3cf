// The ways in: choose, drop anywhere, paste, a folder.

import { byId } from "./dom.js";

/** Call `take` with the files of every choice, drop and paste. */
export function takeFiles(take) {
	const input = byId("files");
	input.accept = "image/*,.heic,.heif"; // what the browser cannot decode is named
	input.onchange = () => {
		take(sort([...input.files]));
		input.value = ""; // the same file may be chosen again
	};
	addEventListener("paste", (event) => {
		const files = [...event.clipboardData.files];
		if (files.length) take(files);
	});
	takeDrops(take);
}

function takeDrops(take) {
	const mark = (on) => document.body.classList.toggle("dragging", on);
	addEventListener("dragover", (event) => {
		if (!event.dataTransfer.types.includes("Files")) return;
		event.preventDefault();
		mark(true);
	});
	addEventListener("dragleave", (event) => event.relatedTarget || mark(false));
	addEventListener("drop", async (event) => {
		mark(false);
		if (!event.dataTransfer.files.length) return;
		event.preventDefault();
		take(sort(await readDrop(event.dataTransfer)));
	});
}

/** The dropped files, and the pictures of dropped folders. */
async function readDrop({ items, files }) {
	const dropped = [...files]; // it and the entries are gone after the first await
	const entries = [...items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
	if (!entries.some((entry) => entry.isDirectory)) return dropped;
	return (await Promise.all(entries.map(readEntry))).flat();
}

async function readEntry(entry) {
	if (entry.isFile) return [await new Promise((done, fail) => entry.file(done, fail))];
	const reader = entry.createReader();
	const files = [];
	for (;;) {
		const some = await new Promise((done, fail) => reader.readEntries(done, fail)); // at most 100 at a time
		if (!some.length) return files.filter(({ type }) => type.startsWith("image/"));
		files.push(...(await Promise.all(some.map(readEntry))).flat());
	}
}

const sort = (files) => files.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
