"use strict";
{
	const table = document.querySelector("table");
	const list = table.tBodies[table.tBodies.length - 1];
	const rows = Array.from(list.rows); // in the server's order, which is that of the names

	const nameOf = (row) => row.cells[0].textContent;
	const sizeOf = (row) => Number(row.cells[1].title.replace(/\D/g, "") || -1);
	const timeOf = (row) => row.querySelector("time")?.dateTime ?? "";
	const orders = [
		() => 0,
		(a, b) => sizeOf(a) - sizeOf(b),
		(a, b) => (timeOf(a) < timeOf(b) ? -1 : timeOf(a) > timeOf(b) ? 1 : 0),
	];

	// The sort is stable: what is equal stays in the order of names.
	const sortBy = (column, descending) => {
		const sign = descending ? -1 : 1;
		const sorted = rows.slice();
		if (column > 0) sorted.sort((a, b) => sign * orders[column](a, b));
		else if (descending) sorted.reverse();
		list.remove(); // once, rather than the page laid out for every row
		for (const row of sorted) list.append(row);
		table.append(list);
	};

	const headers = Array.from(table.tHead.rows[0].cells);
	headers.forEach((header, column) => {
		const button = document.createElement("button");
		button.type = "button";
		button.append(...header.childNodes);
		header.append(button);
		button.addEventListener("click", () => {
			const now = header.getAttribute("aria-sort");
			// The first look is for the largest and the newest.
			const descending = now ? now === "ascending" : column > 0;
			for (const other of headers) other.removeAttribute("aria-sort");
			header.setAttribute("aria-sort", descending ? "descending" : "ascending");
			sortBy(column, descending);
		});
	});
	headers[0].setAttribute("aria-sort", "ascending");

	const filter = document.createElement("input");
	filter.type = "search";
	filter.placeholder = "Filter";
	filter.autocomplete = "off";
	filter.spellcheck = false;
	filter.setAttribute("aria-label", "Filter by name");
	document.querySelector("header").append(filter);

	const summary = document.querySelector("footer p");
	const everything = summary.textContent;
	summary.setAttribute("role", "status");
	filter.addEventListener("input", () => {
		const wanted = filter.value.toLowerCase();
		let shown = 0;
		for (const row of rows) {
			row.hidden = !nameOf(row).toLowerCase().includes(wanted);
			if (!row.hidden) shown++;
		}
		summary.textContent = wanted ? shown + " of " + rows.length + " shown" : everything;
	});
	document.addEventListener("keydown", (event) => {
		if (event.key === "/" && document.activeElement !== filter && !event.ctrlKey && !event.metaKey && !event.altKey) {
			event.preventDefault();
			filter.focus();
		}
	});
}
