// Small things that every part of the page needs. Text from files and servers only ever goes to textContent.

export const byId = (id) => document.getElementById(id);

export const percent = (share) => `${(share * 100).toFixed(1)}\u00a0%`;

export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Where on an element a pointer is: shares of its width and height. */
export function locate({ clientX, clientY }, element) {
	const box = element.getBoundingClientRect();
	return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
}

/** Tell it to a screen reader. */
export function announce(text) {
	byId("live").textContent = text;
}

/** Show a file in an image element; its memory is given back as soon as it is loaded. */
export function showImage(image, blob) {
	URL.revokeObjectURL(image.src); // of a file that has not been loaded yet
	const url = URL.createObjectURL(blob);
	image.onload = image.onerror = ({ type }) => {
		URL.revokeObjectURL(url);
		if (image.src === url) image.hidden = type === "error";
	};
	image.src = url;
	return url;
}

/** Fill `bars` with `rows` rows, so that they take their room before there is an answer. */
export function showBars(bars, rows, top = []) {
	while (bars.childElementCount < rows) bars.append(make("span", {}, make("span"), make("span")));
	[...bars.children].forEach((bar, index) => {
		const [label, share] = top[index] ?? ["", 0];
		bar.style.setProperty("--share", share);
		bar.firstChild.textContent = label;
		bar.lastChild.textContent = top[index] ? percent(share) : "";
	});
}

/** A new element with these properties and children. */
export function make(tag, properties, ...children) {
	const element = Object.assign(document.createElement(tag), properties);
	element.append(...children);
	return element;
}

/** Arrow keys, Home and End go through a list or grid that is one stop for the Tab key; returns where they went. */
export function moveFocus(event, elements) {
	const end = elements.length;
	const second = elements.findIndex((one) => one.offsetTop > elements[0].offsetTop);
	const row = second < 0 ? 1 : second;
	const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row, Home: -end, End: end };
	if (!(event.key in steps)) return null;
	event.preventDefault();
	const old = document.activeElement;
	const next = elements[Math.max(0, Math.min(end - 1, elements.indexOf(old) + steps[event.key]))];
	old.tabIndex = -1;
	next.tabIndex = 0;
	next.focus();
	return next;
}

/** Offer a file for download. */
export function download(blob, name) {
	const href = URL.createObjectURL(blob);
	make("a", { href, download: name }).click();
	setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
