// Results as CSV (RFC 4180), and a file as a curl command.

const COLUMNS = ["file", "class", "probability", "expected", "right", "latency_ms", "error"];

/** One row for each result that is done. */
export function writeCsv(items) {
	const rows = items.map(({ fn, answer, expected, error }) => [
		text(fn),
		answer ? text(String(answer.cls)) : "",
		answer?.top[0][1] ?? "",
		text(expected ?? ""),
		expected ? String(answer.cls) === expected : "",
		answer?.ms.toFixed(1) ?? "",
		text(error ?? ""),
	]);
	return [COLUMNS, ...rows].map((row) => `${row.join(",")}\r\n`).join("");
}

/** A quoted cell; what a spreadsheet would take for a formula gets an apostrophe before it. */
function text(value) {
	const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
	return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The command that uploads a file of this name, for a POSIX shell. */
export function writeCurl(fn) {
	const url = location.origin + location.pathname;
	if (/^[\w.][\w.-]*$/.test(fn)) return `curl -F file=@${fn} ${url}`;
	const quoted = `file=@"${fn.replace(/[\\"]/g, "\\$&")}"`; // curl's own quotes, for ; and , in names
	return `curl -F '${quoted.replaceAll("'", "'\\''")}' ${url}`;
}
