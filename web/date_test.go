package web

import (
	"fmt"
	"testing"
	"time"
)

func TestAppendDate(t *testing.T) {
	east := time.FixedZone("", 2*3600)
	for _, test := range []struct {
		name string
		time time.Time
		want string
	}{
		{"the RFC's", time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC), "Sun, 06 Nov 1994 08:49:37 GMT"},
		{"another zone", time.Date(1994, 11, 6, 1, 2, 3, 0, east), "Sat, 05 Nov 1994 23:02:03 GMT"},
		{"parts of a second", time.Date(2024, 2, 29, 23, 59, 59, 999999999, time.UTC), "Thu, 29 Feb 2024 23:59:59 GMT"},
		{"before 1970", time.Unix(-1, 0), "Wed, 31 Dec 1969 23:59:59 GMT"},
		{"year 7", time.Date(7, 1, 1, 0, 0, 0, 0, time.UTC), "Mon, 01 Jan 0007 00:00:00 GMT"},
		{"year 10000", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), "Sat, 01 Jan 9999 00:00:00 GMT"},
		{"year -1", time.Date(-1, 12, 31, 0, 0, 0, 0, time.UTC), "Fri, 31 Dec 0000 00:00:00 GMT"},
	} {
		if got := string(AppendDate(nil, test.time)); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	if got, want := string(AppendDate([]byte("Date: "), time.Unix(0, 0))), "Date: Thu, 01 Jan 1970 00:00:00 GMT"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseDate(t *testing.T) {
	rfc := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
	for _, test := range []struct {
		text string
		want time.Time
	}{
		{"Sun, 06 Nov 1994 08:49:37 GMT", rfc},
		{"Sunday, 06-Nov-94 08:49:37 GMT", rfc},
		{"Sun Nov  6 08:49:37 1994", rfc},
		{"Sun Nov 06 08:49:37 1994", rfc},
		{"Thu, 29 Feb 2024 00:00:00 GMT", time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)},
		{"Tue, 29 Feb 2000 00:00:00 GMT", time.Date(2000, 2, 29, 0, 0, 0, 0, time.UTC)},
		{"Sat, 31 Dec 2016 23:59:60 GMT", time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"Fri, 31 Dec 9999 23:59:59 GMT", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
	} {
		got, ok := ParseDate([]byte(test.text))
		if !ok || !got.Equal(test.want) || got.Location() != time.UTC {
			t.Errorf("%q: %v, %v, want %v", test.text, got, ok, test.want)
		}
	}
	for _, text := range []string{
		"", "0", "never", "Sun", "Sun, ", "1994-11-06T08:49:37Z", "784111777",
		"Foo, 99 Bar 9999 99:99:99 GMT",
		"Mon, 06 Nov 1994 08:49:37 GMT",  // it was a Sunday
		"Sun, 6 Nov 1994 08:49:37 GMT",   // one digit
		"Sun,  6 Nov 1994 08:49:37 GMT",  // a space for it
		"sun, 06 Nov 1994 08:49:37 GMT",  // case matters
		"Sun, 06 nov 1994 08:49:37 GMT",  //
		"Sun, 06 Nov 1994 08:49:37 gmt",  //
		"Sun, 06 Nov 1994 08:49:37 UTC",  // another zone
		"Sun, 06 Nov 1994 08:49:37 +00",  //
		"Sun, 06 Nov 1994 8:49:37 GMT",   //
		"Sun, 06 Nov 1994 24:00:00 GMT",  // no such hour
		"Sun, 06 Nov 1994 08:60:00 GMT",  // no such minute
		"Sun, 06 Nov 1994 08:49:61 GMT",  // no such second
		"Sun, 06 Nov 1994 08:-1:00 GMT",  //
		"Sun, 06 Nov 1994 08.49.37 GMT",  //
		"Sun, 06 Nov -994 08:49:37 GMT",  //
		"Sun, 06 Nov 19 4 08:49:37 GMT",  //
		"Sun, 06 Nov 1994 08:49:37 GMT ", // more behind
		" Sun, 06 Nov 1994 08:49:37 GMT", //
		"Sun, 06 Nov 1994 08:49:37 GMT; length=26",
		"Wed, 00 Nov 1994 08:49:37 GMT",    // no such day
		"Tue, 32 Nov 1994 08:49:37 GMT",    //
		"Fri, 31 Apr 2026 00:00:00 GMT",    //
		"Sun, 29 Feb 2026 00:00:00 GMT",    //
		"Mon, 29 Feb 1900 00:00:00 GMT",    //
		"Sun,\t06 Nov 1994 08:49:37 GMT",   //
		"Sun, 06-Nov-1994 08:49:37 GMT",    //
		"Sun, 06-Nov-94 08:49:37 GMT",      // RFC 850 writes days out
		"Sunny, 06-Nov-94 08:49:37 GMT",    //
		"Sunday, 06 Nov 94 08:49:37 GMT",   //
		"Sunday, 06-Nov-94 08:49:37 UTC",   //
		"Sunday, 06-Nov-9x 08:49:37 GMT",   //
		"Monday, 06-Nov-94 08:49:37 GMT",   //
		"Sunday, 32-Nov-94 08:49:37 GMT",   //
		"Sunday, 06-Nov-94 25:49:37 GMT",   //
		"Sunday. 06-Nov-94 08:49:37 GMT",   //
		"Sun Nov  6 08:49:37 199x",         //
		"Sun Nov 6 08:49:37 1994",          //
		"Sun Nov 6  08:49:37 1994",         //
		"Sun Nov 31 08:49:37 1994",         //
		"Mon Nov  6 08:49:37 1994",         //
		"Sun Nov  6 08:49:37 94",           //
		"Sun Nov  6 08:49:37 GMT 1994",     //
		"Sun Nov  6 08:49:37 1994\x00\x00", //
	} {
		if got, ok := ParseDate([]byte(text)); ok {
			t.Errorf("%q is %v, want no date", text, got)
		}
	}
}

// TestParseDateCentury: a year of two digits is at most 50 years ahead.
func TestParseDateCentury(t *testing.T) {
	now := time.Date(2026, 7, 15, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct{ now, want time.Time }{
		{now, now},
		{now, now.AddDate(1, 0, 0)},
		{now, now.AddDate(50, 0, 0)},
		{now, now.AddDate(-50, 0, 0).Add(time.Second)}, // 2076 would be 50 years and a second ahead
		{now, now.AddDate(-49, 0, 0)},
		{now, time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)},
		{now, time.Date(2000, 2, 29, 0, 0, 0, 0, time.UTC)},
		{time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(2049, 12, 31, 0, 0, 0, 0, time.UTC)},
		{time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC)},
		{time.Date(2051, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2100, 6, 1, 0, 0, 0, 0, time.UTC)},
		{time.Date(2051, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2099, 6, 1, 0, 0, 0, 0, time.UTC)},
	} {
		text := test.want.Format("Monday, 02-Jan-06 15:04:05 GMT")
		got, ok := parseRFC850([]byte(text), func() time.Time { return test.now })
		if !ok || !got.Equal(test.want) {
			t.Errorf("%q in %d: %v, %v, want %v", text, test.now.Year(), got, ok, test.want)
		}
	}
}

func TestDatesDoNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 64)
	now := time.Now()
	if n := testing.AllocsPerRun(100, func() { dst = AppendDate(dst[:0], now) }); n != 0 {
		t.Errorf("AppendDate: %v allocations, want 0", n)
	}
	for _, text := range []string{"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "never"} {
		b := []byte(text)
		if n := testing.AllocsPerRun(100, func() { ParseDate(b) }); n != 0 {
			t.Errorf("ParseDate of %q: %v allocations, want 0", text, n)
		}
	}
}

// FuzzAppendDate: what is written is read again, and is what package time
// writes.
func FuzzAppendDate(f *testing.F) {
	f.Add(int64(784111777))
	f.Add(int64(0))
	f.Fuzz(func(t *testing.T, seconds int64) {
		const year0, year10000 = -62167219200, 253402300800
		want := time.Unix(year0+int64(uint64(seconds)%(year10000-year0)), 0).UTC()
		text := AppendDate(nil, want)
		if got := want.Format("Mon, 02 Jan 2006 15:04:05 GMT"); string(text) != got {
			t.Fatalf("%q, package time writes %q", text, got)
		}
		if got, ok := ParseDate(text); !ok || !got.Equal(want) {
			t.Fatalf("%q: %v, %v, want %v", text, got, ok, want)
		}
	})
}

// FuzzParseDate: what is a date here is the same one for package time, which
// accepts more. Two things it does otherwise: it knows no leap second, and
// puts years of two digits from 69 on into the twentieth century.
func FuzzParseDate(f *testing.F) {
	for _, seed := range []string{
		"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
		"Sat, 31 Dec 2016 23:59:60 GMT", "Wednesday, 01-Jan-70 00:00:00 GMT", "Sun Nov 06 08:49:37 1994",
	} {
		f.Add([]byte(seed))
	}
	layouts := []string{"Mon, 02 Jan 2006 15:04:05 GMT", "Monday, 02-Jan-06 15:04:05 GMT", time.ANSIC}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := ParseDate(b)
		if !ok {
			return
		}
		text := string(b)
		leap := time.Duration(0)
		if at := len(text) - len("60 GMT"); text[at:at+3] == "60 " {
			text, leap = text[:at]+"59"+text[at+2:], time.Second
		} else if text[17:19] == "60" && text[len(text)-1] != 'T' {
			text, leap = text[:17]+"59"+text[19:], time.Second
		}
		for _, layout := range layouts {
			want, err := time.Parse(layout, text)
			if err == nil && (want.Add(leap).Equal(got) || layout == layouts[1] && want.AddDate(100, 0, 0).Add(leap).Equal(got)) {
				return
			}
		}
		t.Fatalf("%q: %v, which package time does not read so", b, got)
	})
}

func ExampleParseDate() {
	for _, text := range []string{"Sunday, 06-Nov-94 08:49:37 GMT", "yesterday"} {
		when, ok := ParseDate([]byte(text))
		fmt.Println(when, ok)
	}
	// Output:
	// 1994-11-06 08:49:37 +0000 UTC true
	// 0001-01-01 00:00:00 +0000 UTC false
}

func BenchmarkAppendDate(b *testing.B) {
	dst, now := make([]byte, 0, 64), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendDate(dst[:0], now)
	}
}

func BenchmarkParseDate(b *testing.B) {
	text := []byte("Sun, 06 Nov 1994 08:49:37 GMT")
	b.ReportAllocs()
	for b.Loop() {
		ParseDate(text)
	}
}
