// The other forms of the list. The links are the script's to make: a program that
// follows links would otherwise find each list three times.
document.addEventListener("DOMContentLoaded", () => {
	const line = document.createElement("p");
	line.append("Also as ");
	for (const [form, name] of [["json", "JSON"], ["text", "plain text"]]) {
		const link = document.createElement("a");
		link.href = "?format=" + form;
		link.textContent = name;
		if (form === "text") line.append(" and ");
		line.append(link);
	}
	document.querySelector("footer").append(line);
});
