package web

import "time"

// AppendDate appends t as an IMF-fixdate, the 29 octets in which HTTP writes
// a time (RFC 9110 §5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT". Parts of a second
// are dropped. A year that four digits cannot say becomes 0000 or 9999.
func AppendDate(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	year = min(max(year, 0), 9999)
	hour, minute, second := t.Clock()
	at := 3 * int(t.Weekday())
	dst = append(dst, weekdays[at:at+3]...)
	dst = append(dst, ',', ' ')
	dst = appendTwo(dst, day)
	dst = append(dst, ' ')
	at = 3 * int(month-1)
	dst = append(dst, months[at:at+3]...)
	dst = append(dst, ' ')
	dst = appendTwo(dst, year/100)
	dst = appendTwo(dst, year%100)
	dst = append(dst, ' ')
	dst = appendTwo(dst, hour)
	dst = append(dst, ':')
	dst = appendTwo(dst, minute)
	dst = append(dst, ':')
	dst = appendTwo(dst, second)
	return append(dst, " GMT"...)
}

const (
	weekdays = "SunMonTueWedThuFriSat"
	months   = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

func appendTwo(dst []byte, n int) []byte {
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}

// ParseDate reads one of the three forms of HTTP-date (RFC 9110 §5.6.7), which
// must be all of b:
//
//	Sun, 06 Nov 1994 08:49:37 GMT   IMF-fixdate
//	Sunday, 06-Nov-94 08:49:37 GMT  RFC 850
//	Sun Nov  6 08:49:37 1994        asctime
//
// It reports false for anything else, and for a day that no calendar has or
// that was another day of the week: what contradicts itself is not a date, and
// a condition without a valid date is ignored (RFC 9110 §13.1.3). The time is
// in UTC. A leap second, 60, is the first second of the next minute.
func ParseDate(b []byte) (time.Time, bool) {
	switch {
	case len(b) == len("Sun, 06 Nov 1994 08:49:37 GMT") && b[3] == ',':
		return parseFixdate(b)
	case len(b) == len("Sun Nov  6 08:49:37 1994"):
		return parseAsctime(b)
	}
	return parseRFC850(b, time.Now)
}

func parseFixdate(b []byte) (time.Time, bool) {
	if b[4] != ' ' || b[7] != ' ' || b[11] != ' ' || b[16] != ' ' || string(b[25:]) != " GMT" {
		return time.Time{}, false
	}
	return date(four(b[12:]), name(months, b[8:]), two(b[5:]), b[17:25], name(weekdays, b))
}

func parseAsctime(b []byte) (time.Time, bool) {
	if b[3] != ' ' || b[7] != ' ' || b[10] != ' ' || b[19] != ' ' {
		return time.Time{}, false
	}
	day := two(b[8:])
	if b[8] == ' ' {
		day = two([]byte{'0', b[9]})
	}
	return date(four(b[20:]), name(months, b[4:]), day, b[11:19], name(weekdays, b))
}

// parseRFC850 asks for the time, since its year has two digits: one "that
// appears to be more than 50 years in the future" is in the past.
func parseRFC850(b []byte, now func() time.Time) (time.Time, bool) {
	comma := len(b) - len(", 06-Nov-94 08:49:37 GMT")
	if comma < len("Sun") {
		return time.Time{}, false
	}
	weekday := name(weekdays, b)
	if weekday < 0 || string(b[3:comma]) != time.Weekday(weekday).String()[3:] {
		return time.Time{}, false
	}
	b = b[comma:]
	if string(b[:2]) != ", " || b[4] != '-' || b[8] != '-' || b[11] != ' ' || string(b[20:]) != " GMT" || two(b[9:]) < 0 {
		return time.Time{}, false
	}
	limit := now().UTC().AddDate(50, 0, 0)
	year := limit.Year() - limit.Year()%100 + two(b[9:])
	month, day := name(months, b[5:]), two(b[2:])
	if when, ok := date(year, month, day, b[12:20], anyDay); ok && when.After(limit) {
		year -= 100
	}
	return date(year, month, day, b[12:20], weekday)
}

// anyDay is a weekday that date does not check.
const anyDay = 7

// date puts a time together, where clock is "08:49:37" and month counts from 0.
// A negative number stands for what was none.
func date(year, month, day int, clock []byte, weekday int) (time.Time, bool) {
	hour, minute, second := two(clock), two(clock[3:]), two(clock[6:])
	if year < 0 || month < 0 || day < 1 || clock[2] != ':' || clock[5] != ':' ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 {
		return time.Time{}, false
	}
	midnight := time.Date(year, time.Month(month+1), day, 0, 0, 0, 0, time.UTC)
	if midnight.Day() != day || weekday != anyDay && int(midnight.Weekday()) != weekday {
		return time.Time{}, false
	}
	return midnight.Add(time.Duration(hour*3600+minute*60+second) * time.Second), true
}

// four reads four digits from the front of b, or returns a negative number.
func four(b []byte) int {
	century, year := two(b), two(b[2:])
	if year < 0 {
		return -1
	}
	return 100*century + year
}

// two reads two digits from the front of b, or returns -1.
func two(b []byte) int {
	tens, ones := b[0]-'0', b[1]-'0'
	if tens > 9 || ones > 9 {
		return -1
	}
	return 10*int(tens) + int(ones)
}

// name returns which of the three-letter names in list b begins with, or -1.
func name(list string, b []byte) int {
	for at := 0; at < len(list); at += 3 {
		if list[at:at+3] == string(b[:3]) {
			return at / 3
		}
	}
	return -1
}
