package httpd_test

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"xanadu/web"
	"xanadu/web/httpd"
)

// numbered is a site whose documents hold their own name. Those below /once/ are
// never kept, so that the crew is asked for each.
type numbered struct{}

func (numbered) Answer(r *web.Request) *web.Reply {
	if strings.HasPrefix(string(r.Path), "/once/") {
		return said(string(r.Path))
	}
	return memory(string(r.Path))(r)
}

// A pipeline is answered in its order, whatever its depth and whoever answers.
func TestPipeline(t *testing.T) {
	for _, depth := range []int{2, 100, 10_000} {
		t.Run(strconv.Itoa(depth), func(t *testing.T) {
			each(t, func(t *testing.T, poller string) {
				r := start(t, numbered{}, httpd.Options{Poller: poller})
				targets := make([]string, depth)
				for i := range targets {
					targets[i] = "/" + strconv.Itoa(i%97)
					if i%50 == 1 {
						targets[i] = "/once/" + strconv.Itoa(i)
					}
				}
				c := r.dial()
				go func() {
					var all strings.Builder
					for _, target := range targets {
						all.WriteString(request("GET", target))
					}
					c.write(all.String())
				}()
				for _, target := range targets {
					if p := c.read("GET"); string(p.body) != target {
						t.Fatalf("%s got the response of %s", target, p.body)
					}
				}
				for i, rec := range r.log.await(t, depth) {
					if want := (record{"GET " + targets[i] + " HTTP/1.1", 200, int64(len(targets[i]))}); rec != want {
						t.Fatalf("record %d: %v, want %v", i, rec, want)
					}
				}
			})
		})
	}
}

// Long replies to a pipeline take more than a turn, even when the client and the
// kernel take them as fast as they come.
func TestPipelineOfLongReplies(t *testing.T) {
	const size, depth = 400_000, 20
	each(t, func(t *testing.T, poller string) {
		body := pattern(size)
		r := startTCP(t, pages{"/f": file(t, body), "/m": memory(body)}, httpd.Options{Poller: poller})
		c := r.dial()
		c.write(strings.Repeat(request("GET", "/f")+request("GET", "/m"), depth/2))
		for range depth {
			c.read("GET").want(t, 200, body)
		}
		r.log.await(t, depth)
		for i, turn := range r.log.deliveries() {
			if octets := len(turn) * size; octets > 3<<20 {
				t.Errorf("turn %d passed on %d octets to one connection", i, octets)
			}
		}
	})
}

// Who sends requests and reads no responses is not read any more at some point,
// while others are served.
func TestPipelineWithoutReader(t *testing.T) {
	each(t, func(t *testing.T, poller string) {
		r := start(t, pages{"/": memory(pattern(1000))}, httpd.Options{Poller: poller})
		greedy := r.dial()
		block := []byte(strings.Repeat(request("GET", "/"), 100))
		taken := 0
		for {
			greedy.SetWriteDeadline(time.Now().Add(30 * time.Millisecond))
			n, err := greedy.Write(block)
			taken += n
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			must(t, err)
			if taken > 4<<20 {
				t.Fatal("4 MiB of requests were taken from who reads no response")
			}
		}
		modest := r.dial()
		for range 10 {
			modest.get("/").want(t, 200, pattern(1000))
		}
		greedy.SetDeadline(time.Now().Add(patience))
		for range taken / len(request("GET", "/")) {
			greedy.read("GET").want(t, 200, pattern(1000))
		}
	})
}

// A connection with endless work does not keep others from theirs: its turn
// ends, and between its turns the others have theirs.
func TestPipelineBesideOthers(t *testing.T) {
	const depth, others = 3000, 20
	each(t, func(t *testing.T, poller string) {
		r := start(t, numbered{}, httpd.Options{Poller: poller})
		c, d := r.dial(), r.dial()
		d.get("/other")
		c.get("/greedy")
		r.log.await(t, 2)
		r.log.forget()
		go c.write(strings.Repeat(request("GET", "/greedy"), depth))
		done := make(chan bool)
		go func() {
			defer close(done)
			for range depth {
				c.read("GET")
			}
		}()
		for range others {
			d.get("/other")
		}
		await(t, done, "the last response of the pipeline")
		r.log.await(t, depth+others)
		for i, turn := range r.log.deliveries() {
			n := 0
			for _, rec := range turn {
				if strings.HasPrefix(rec.line, "GET /greedy ") {
					n++
				}
			}
			if n > 2*32 { // at its event, and after all others
				t.Errorf("turn %d answered %d requests of one connection, want 64 at most", i, n)
			}
		}
	})
}
