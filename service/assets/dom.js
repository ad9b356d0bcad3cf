// Small things that every part of the page needs. Text from files and servers only ever goes to textContent.

export const byId = (id) => document.getElementById(id);

export const percent = (share) => `${(share * 100).toFixed(1)} %`;

/** Tell it to a screen reader. */
export function announce(text) {
	byId("live").textContent = text;
}

/** Show a file in an image element; its memory is given back as soon as it is loaded. */
export function showImage(image, blob) {
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
	while (bars.childElementCount < rows) bars.append(makeBar());
	[...bars.children].forEach((bar, index) => {
		const [label, share] = top[index] ?? ["", 0];
		bar.style.setProperty("--share", share);
		bar.firstChild.textContent = label;
		bar.lastChild.textContent = top[index] ? percent(share) : "";
	});
}

function makeBar() {
	const bar = document.createElement("span");
	bar.append(document.createElement("span"), document.createElement("span"));
	return bar;
}

/** Offer a file for download. */
export function download(blob, name) {
	const link = document.createElement("a");
	link.href = URL.createObjectURL(blob);
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
