// Results as CSV (RFC 4180), and a file as a curl command.

import { byId } from "./dom.js";

const BOM = "\uFEFF"; // by which spreadsheets know UTF-8
const COLUMNS = ["file", "class", "probability", "expected", "right", "latency_ms", "error"];

/** One row for each result that is done. */
export function writeCsv(items) {
	const rows = items.map(({ path, answer, expected, error }) => [
		text(path),
		answer ? text(String(answer.cls)) : "",
		answer?.top[0][1] ?? "",
		text(expected ?? ""),
		expected ? String(answer.cls) === expected : "",
		answer?.ms.toFixed(1) ?? "",
		text(error ?? ""),
	]);
	return BOM + [COLUMNS, ...rows].map((row) => `${row.join(",")}\r\n`).join("");
}

/** A cell, quoted if it is no number; what a spreadsheet would take for a formula gets an apostrophe before it. */
function text(value) {
	if (value === "" || /^-?\d+$/.test(value)) return value;
	const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
	return `"${safe.replaceAll('"', '""')}"`;
}

/** The command that uploads a file of this name, for a POSIX shell. */
export function writeCurl(fn) {
	const url = location.origin + location.pathname;
	const curl = `curl ${byId("curl").dataset.key}-F`;
	if (/^[\w.][\w.-]*$/.test(fn)) return `${curl} file=@${fn} ${url}`;
	const quoted = `file=@"${fn.replace(/[\\"]/g, "\\$&")}"`; // curl's own quotes, for ; and , in names
	return `${curl} '${quoted.replaceAll("'", "'\\''")}' ${url}`;
}
