"use strict";
(() => {
	const script = document.currentScript; // behind it stand the rows
	const table = script.closest("table");
	const form = document.forms[0];
	const filter = form.elements.filter;
	const output = form.querySelector("output");
	const columns = ["name", "size", "date"];
	const parameters = ["sort", "order", "filter"];
	const rowsTogether = 100; // in an element tbody, as from the server

	// The server sorts and filters for browsers without script. All views can be
	// made of the list as a whole in the order of names: so it is asked for that,
	// and the view goes along in the fragment.
	const url = new URL(location);
	if (parameters.some((name) => url.searchParams.has(name)) && url.protocol.startsWith("http")) {
		const view = new URLSearchParams();
		for (const name of parameters) {
			if (url.searchParams.has(name)) view.set(name, url.searchParams.get(name));
			url.searchParams.delete(name);
		}
		url.hash = view;
		location.replace(url);
		return;
	}
	const view = new URLSearchParams(url.hash.slice(1));
	let column = Math.max(0, columns.indexOf(view.get("sort")));
	let descending = view.get("order") === "desc";
	filter.value = view.get("filter") ?? "";

	// The key by which a name is filtered, as on the server.
	const plainLetters = { ß: "ss", æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", ð: "d", þ: "th", ħ: "h", ı: "i", ŧ: "t", ς: "σ" };
	const fold = (name) => {
		if (/^[ -~]*$/.test(name)) return name.toLowerCase();
		const letters = name.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
		return letters.replace(/[ßæœøłđðþħıŧς]/g, (letter) => plainLetters[letter]);
	};

	// A word matches a name that it is in; with "*" it has to be all of it.
	const matches = (key, parts) => {
		const last = parts.length - 1;
		if (last === 0) return key.includes(parts[0]);
		if (!key.startsWith(parts[0])) return false;
		let at = parts[0].length;
		for (const part of parts.slice(1, last)) {
			at = key.indexOf(part, at);
			if (at < 0) return false;
			at += part.length;
		}
		return key.length - at >= parts[last].length && key.endsWith(parts[last]);
	};

	const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "local time";
	const isUTC = /^(Etc\/)?(UTC|UCT|Universal|Zulu|GMT)$/.test(zone);
	if (!isUTC) table.querySelector("thead span").textContent = "(" + zone + ")";
	const pad = (n, width) => String(n).padStart(width, "0");
	const localise = (time) => {
		const at = new Date(time.dateTime);
		time.title = time.textContent + " UTC";
		time.textContent = pad(at.getFullYear(), 4) + "-" + pad(at.getMonth() + 1, 2) + "-" + pad(at.getDate(), 2) +
			" " + pad(at.getHours(), 2) + ":" + pad(at.getMinutes(), 2);
	};

	const entries = []; // as far as they have arrived, in the order of names
	const mine = []; // elements tbody, for entries in another order
	let complete = false;
	let chunk = null; // the element tbody from which rows are taken
	let last = null; // the row that was taken last, while it is there

	const take = () => {
		for (;;) {
			const row = last ? last.nextElementSibling : chunk?.firstElementChild;
			if (!row) {
				const next = (chunk ?? script).nextElementSibling;
				if (!next) return;
				chunk = next;
				last = null;
				continue;
			}
			// The parser may still be at work on the very last one.
			if (!complete && !row.nextElementSibling && !chunk.nextElementSibling) return;
			const [name, size, date] = row.cells;
			const link = name.querySelector("a");
			const time = date.firstElementChild;
			const dir = link.getAttribute("href").endsWith("/");
			const shown = link.textContent;
			entries.push({ row, link, dir, key: fold(dir ? shown.slice(0, -1) : shown), shown: true, place: entries.length,
				size: dir ? -1 : Number(size.title.replace(/\D/g, "")), date: time?.dateTime ?? "" });
			if (time && !isUTC) localise(time);
			last = row;
		}
	};

	const dirsFirst = table.classList.contains("dirs-first");
	const inOrder = () => {
		const sign = descending ? -1 : 1;
		return entries.slice().sort((a, b) => {
			if (dirsFirst && a.dir !== b.dir) return a.dir ? -1 : 1;
			if (column === 0) return sign * (a.place - b.place);
			const [x, y] = column === 1 ? [a.size, b.size] : [a.date, b.date];
			return x < y ? -sign : x > y ? sign : a.place - b.place;
		});
	};

	let placed = 0; // so many entries stand in mine
	let ordered = entries; // those, or all
	const place = () => {
		ordered = inOrder();
		for (const body of mine) body.remove(); // rather than have each row's move noticed
		for (let i = 0; i * rowsTogether < ordered.length; i++) {
			if (!mine[i]) {
				mine[i] = document.createElement("tbody");
				mine[i].setAttribute("role", "rowgroup");
			}
			mine[i].append(...ordered.slice(i * rowsTogether, (i + 1) * rowsTogether).map((entry) => entry.row));
		}
		script.before(...mine);
		// What the parser has left is empty.
		for (let body = script.nextElementSibling; body && body !== chunk; body = script.nextElementSibling) body.remove();
		last = null;
		placed = entries.length;
	};

	let filtered = ""; // with what
	let words = [];
	let looked = 0; // at so many entries
	let found = 0;
	const sift = () => {
		if (filter.value !== filtered) {
			filtered = filter.value;
			words = fold(filtered).split(/\s+/).filter(Boolean).map((word) => word.split("*"));
			looked = found = 0;
		}
		for (; looked < entries.length; looked++) {
			const entry = entries[looked];
			const shown = words.every((parts) => matches(entry.key, parts));
			if (shown) found++;
			if (shown !== entry.shown) {
				entry.shown = shown;
				entry.row.hidden = !shown;
			}
		}
		// An element tbody is as high as its rows, also when they are skipped.
		const heights = new Map();
		for (const { row, shown } of entries) {
			const body = row.parentNode;
			heights.set(body, (heights.get(body) ?? 0) + shown);
		}
		for (const [body, rows] of heights) {
			if (body.rowsShown === rows) continue;
			body.rowsShown = rows;
			body.hidden = rows === 0;
			body.style.setProperty("--rows", rows);
		}
		const says = words.length ? found + " of " + entries.length : "";
		if (output.value !== says) output.value = says;
	};

	let wanted = column > 0 || descending; // another order
	const pass = () => {
		const before = entries.length;
		take();
		// While the list arrives, entries are sorted when there are twice as many.
		if (wanted && entries.length || placed && (complete ? placed < entries.length : entries.length >= 2 * placed)) {
			wanted = false;
			place();
			looked = found = 0;
		}
		if (complete || filter.value !== filtered || entries.length > before || looked < entries.length) sift();
	};

	let due = false;
	const soon = () => {
		if (due) return;
		due = true;
		requestAnimationFrame(() => {
			due = false;
			pass();
			if (!complete) soon();
		});
	};
	soon();
	document.addEventListener("DOMContentLoaded", () => {
		complete = true;
		pass();
	});

	// The address says what is shown.
	let timer;
	const remember = () => {
		clearTimeout(timer);
		const now = new URL(location);
		const view = { sort: column || descending ? columns[column] : "", order: descending ? "desc" : column ? "asc" : "", filter: filter.value };
		for (const name of parameters) {
			if (view[name]) now.searchParams.set(name, view[name]);
			else now.searchParams.delete(name);
		}
		now.hash = "";
		try {
			if (now.href !== location.href) history.replaceState(null, "", now);
		} catch {
			// A page that was saved has no other address, and browsers bound how often.
		}
	};
	const headers = Array.from(table.tHead.rows[0].cells);
	const sayOrder = () => {
		for (const header of headers) header.removeAttribute("aria-sort");
		headers[column].setAttribute("aria-sort", descending ? "descending" : "ascending");
	};
	sayOrder();
	remember();

	const firstShown = () => ordered.find((entry) => entry.shown)?.link;
	document.addEventListener("submit", (event) => {
		event.preventDefault();
		if (event.target !== form) {
			const chosen = columns.indexOf(event.target.elements.sort.value);
			// The first look is for the largest and the newest.
			descending = chosen === column ? !descending : chosen > 0;
			column = chosen;
			wanted = true;
			sayOrder();
			soon();
			remember();
			return;
		}
		pass();
		remember();
		if (words.length && found === 1 && complete) firstShown().click();
	});
	filter.addEventListener("input", () => {
		soon();
		clearTimeout(timer);
		timer = setTimeout(remember, 300); // browsers bound how often
	});
	filter.addEventListener("change", remember);
	filter.addEventListener("keydown", (event) => {
		if (event.key !== "ArrowDown") return;
		event.preventDefault();
		pass();
		firstShown()?.focus();
	});
})();
