// Any picture that the browser can decode, as a PNG for the server: upright, and no larger than a model can use.

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const MAX_SIDE = 1024; // pixels; what models take is smaller, and so is what they trim
const AS_IT_IS = { pixels: 2 ** 24, bytes: 2 ** 23 }; // of a PNG
// As the file has them: profiles are not applied, as the server applies none to a PNG; telephones' turns are.
const OPTIONS = { colorSpaceConversion: "none", imageOrientation: "from-image" };
const OFFER = "save it as JPEG first";
const KINDS = [
	[/^.{4}ftyp(hei|hev|mif1|msf1)/s, `a HEIC file, which this browser cannot open; ${OFFER} (iPhone: Settings, Camera, Formats, Most Compatible)`],
	[/^.{4}ftypavi/s, `an AVIF file, which this browser cannot open; ${OFFER}`],
	[/^(\xff\n|.{4}JXL )/s, `a JPEG XL file, which this browser cannot open; ${OFFER}`],
	[/^(II\*\0|MM\0\*)/, `a TIFF or raw file, which this browser cannot open; ${OFFER}`],
	[/^8BPS/, `a Photoshop file; ${OFFER}`],
	[/^\s*<(svg|\?xml|!--)/, `an SVG file, a drawing without pixels; ${OFFER}`],
	[/^%PDF/, "a PDF; take a screenshot of the page"],
	[/^(.{4}ftyp|.E\xdf\xa3)/s, "a film; take a screenshot of one picture"],
	[/^PK/, "an archive; unpack it first"],
	[/^(\xff\xd8\xff|RIFF.{4}WEBP|GIF8|BM)/s, "damaged, or too large for this browser"],
	[/^$/, "empty"],
];

/**
 * A PNG of a file, {blob, width, height}: byte for byte, if it is one that is not large.
 * Throws an Error with a sentence where the browser cannot decode it.
 */
export async function toPng(file) {
	const head = new Uint8Array(await file.slice(0, 24).arrayBuffer());
	const isPng = PNG.every((byte, index) => head[index] === byte);
	const [width, height] = isPng && head.length === 24 ? [16, 20].map((at) => new DataView(head.buffer).getUint32(at)) : [0, 0];
	const asItIs = { blob: file, width, height };
	if (isPng && width * height <= AS_IT_IS.pixels && file.size <= AS_IT_IS.bytes) return asItIs;
	const bitmap = await createImageBitmap(file, OPTIONS).catch(() => null);
	if (!bitmap && isPng) return asItIs; // the server says what is wrong with it
	if (!bitmap) throw new Error(`${file.name}: this is ${nameKind(String.fromCharCode(...head))}.`);
	return paint(bitmap, [0, 0, bitmap.width, bitmap.height]);
}

/** A part of a picture as a PNG; its left, top, width and height are shares, 0 to 1. */
export async function cut(file, [left, top, width, height]) {
	const bitmap = await createImageBitmap(file, OPTIONS);
	const [x, right] = [left, left + width].map((share) => Math.round(share * bitmap.width));
	const [y, bottom] = [top, top + height].map((share) => Math.round(share * bitmap.height));
	return (await paint(bitmap, [x, y, Math.max(1, right - x), Math.max(1, bottom - y)])).blob;
}

const nameKind = (head) => KINDS.find(([start]) => start.test(head))?.[1] ?? "no picture that this browser can open";

async function paint(bitmap, [left, top, width, height]) {
	const share = Math.min(1, MAX_SIDE / Math.max(width, height));
	const canvas = document.createElement("canvas");
	canvas.width = Math.max(1, Math.round(width * share));
	canvas.height = Math.max(1, Math.round(height * share));
	const context = canvas.getContext("2d");
	context.imageSmoothingQuality = "high";
	context.drawImage(bitmap, left, top, width, height, 0, 0, canvas.width, canvas.height);
	bitmap.close();
	const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
	return { blob, width: canvas.width, height: canvas.height };
}
