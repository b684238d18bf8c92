package site

import "unicode/utf8"

// incompleteLine ends a list in plain text that is not complete. No name reads
// like it.
const incompleteLine = `\incomplete` + "\n"

// beginText begins the list for shells: a name a line, with a slash behind a
// directory's. A backslash and what is not there to be read are written as the
// bytes they are made of, \xHH each, which most languages read back, and
// printf '%b' of most shells.
func beginText(dst []byte, _ path, _ *view) []byte { return dst }

func appendLine(dst []byte, e *entry, _ int) []byte {
	for i, size := 0, 0; i < len(e.name); i += size {
		var c rune
		c, size = utf8.DecodeRuneInString(e.name[i:])
		if c != '\\' && !acts(c) && (c != utf8.RuneError || size > 1) {
			dst = append(dst, e.name[i:i+size]...)
			continue
		}
		for j := range size {
			b := e.name[i+j]
			dst = append(dst, '\\', 'x', hexDigits[b>>4], hexDigits[b&15])
		}
	}
	if e.dir {
		dst = append(dst, '/')
	}
	return append(dst, '\n')
}

func endText(dst []byte, t *tally) []byte {
	if !t.complete {
		dst = append(dst, incompleteLine...)
	}
	return dst
}
