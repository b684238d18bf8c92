package site

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"xanadu/web"
)

// A browser is a Chromium without a window, told what to do over a pipe (the
// Chrome DevTools Protocol: messages of JSON, each ended by a NUL).
type browser struct {
	t          *testing.T
	to         *os.File
	from       *bufio.Reader
	session    string
	last       int
	complaints []string // of the page, for the console
}

type message struct {
	ID        int             `json:"id,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    any             `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// newBrowser starts a browser with one empty page, for the time of the test.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" || testing.Short() {
		t.Skip("no chromium is found, or -short is given: the page is not looked at")
	}
	theirIn, to, err := os.Pipe()
	must(t, err)
	from, theirOut, err := os.Pipe()
	must(t, err)
	home := t.TempDir()
	cmd := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-breakpad", "--disable-dev-shm-usage",
		"--hide-scrollbars", "--user-data-dir="+home, "--remote-debugging-pipe", "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+home)
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	must(t, cmd.Start())
	theirIn.Close()
	theirOut.Close()
	b := &browser{t: t, to: to, from: bufio.NewReader(from)}
	t.Cleanup(func() {
		b.session = ""
		b.send("Browser.close", nil)
		io.Copy(io.Discard, b.from)
		to.Close()
		from.Close()
		cmd.Wait()
	})
	must(t, from.SetReadDeadline(time.Now().Add(time.Minute)))
	var target struct{ TargetID string }
	b.do("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.do("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.do(domain+".enable", nil, nil)
	}
	return b
}

func (b *browser) send(method string, params any) {
	b.t.Helper()
	b.last++
	text, err := json.Marshal(message{ID: b.last, SessionID: b.session, Method: method, Params: params})
	must(b.t, err)
	if _, err := b.to.Write(append(text, 0)); err != nil {
		b.t.Errorf("%s: %v", method, err)
	}
}

// next returns the next message of the browser, having noted complaints in it.
func (b *browser) next() message {
	b.t.Helper()
	text, err := b.from.ReadBytes(0)
	must(b.t, err)
	var m struct {
		message
		Params struct {
			Entry            struct{ Source, Text string }
			ExceptionDetails struct{ Text string }
			Type             string
		} `json:"params"`
	}
	must(b.t, json.Unmarshal(text[:len(text)-1], &m))
	switch m.Method {
	case "Log.entryAdded":
		b.complaints = append(b.complaints, m.Params.Entry.Source+": "+m.Params.Entry.Text)
	case "Runtime.exceptionThrown":
		b.complaints = append(b.complaints, "exception: "+m.Params.ExceptionDetails.Text)
	case "Runtime.consoleAPICalled":
		b.complaints = append(b.complaints, "console."+m.Params.Type)
	}
	return m.message
}

// do has the browser do something and waits for the result.
func (b *browser) do(method string, params, result any) {
	b.t.Helper()
	if refusal := b.try(method, params, result); refusal != "" {
		b.t.Fatalf("%s: %s", method, refusal)
	}
}

// try is do, but returns what the browser says when it refuses.
func (b *browser) try(method string, params, result any) (refusal string) {
	b.t.Helper()
	b.send(method, params)
	for {
		m := b.next()
		switch {
		case m.ID != b.last:
			continue
		case m.Error != nil:
			return m.Error.Message
		case result != nil:
			must(b.t, json.Unmarshal(m.Result, result))
		}
		return ""
	}
}

// await waits for the promise that a script returns, which begins anew when the
// page makes way for another meanwhile.
func (b *browser) await(script string) {
	b.t.Helper()
	const left = "Inspected target navigated or closed"
	for {
		switch refusal := b.try("Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true}, nil); refusal {
		case left, "Cannot find default execution context", "Execution context was destroyed.":
		case "":
			return
		default:
			b.t.Fatalf("%s: %s", script, refusal)
		}
	}
}

// open loads a page.
func (b *browser) open(url string) {
	b.t.Helper()
	b.complaints = nil
	b.do("Page.navigate", map[string]any{"url": url}, nil)
	for b.next().Method != "Page.loadEventFired" {
	}
}

// follow clicks on a link, which script names, and waits for the page behind it.
func (b *browser) follow(script string) {
	b.t.Helper()
	b.send("Runtime.evaluate", map[string]any{"expression": script + ".click()"})
	for b.next().Method != "Page.loadEventFired" {
	}
}

// run runs a script in the page and returns its value, which is a string. The
// page's policy does not bind it.
func (b *browser) run(script string) string {
	b.t.Helper()
	var result struct {
		Result           struct{ Value string }
		ExceptionDetails *struct{ Exception struct{ Description string } }
	}
	b.do("Runtime.evaluate", map[string]any{"expression": "Promise.resolve(" + script + ").then(String)", "awaitPromise": true}, &result)
	if result.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", script, result.ExceptionDetails.Exception.Description)
	}
	return result.Result.Value
}

// look sets theme and window, and returns what the page then looks like. For a
// person to look as well it is left in the directory $SCREENSHOTS.
func (b *browser) look(theme string, width, height int) image.Image {
	b.t.Helper()
	b.do("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": theme}}}, nil)
	b.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	return b.picture(fmt.Sprintf("%s-%d", theme, width))
}

// picture returns what the page looks like, under a name in $SCREENSHOTS.
func (b *browser) picture(name string) image.Image {
	b.t.Helper()
	var shot struct{ Data string }
	b.do("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	text, err := base64.StdEncoding.DecodeString(shot.Data)
	must(b.t, err)
	if dir := os.Getenv("SCREENSHOTS"); dir != "" {
		must(b.t, os.WriteFile(dir+"/"+name+".png", text, 0o644))
	}
	picture, err := png.Decode(bytes.NewReader(text))
	must(b.t, err)
	return picture
}

// served answers over HTTP from a site, and returns the address.
func served(t *testing.T, s *Site) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := &web.Request{Method: []byte(r.Method), Path: []byte(r.URL.EscapedPath()), Query: []byte(r.URL.RawQuery), HasQuery: r.URL.RawQuery != ""}
		for _, value := range r.Header.Values("Accept") {
			asked.Fields = append(asked.Fields, web.Field{Name: []byte("Accept"), Value: []byte(value), Known: web.Accept})
			asked.Seen |= web.Accept
		}
		p := s.Answer(asked)
		defer p.Release()
		for _, f := range p.Fields {
			w.Header().Add(f.Name, f.Value)
		}
		w.Header().Set("Content-Type", p.Type)
		w.WriteHeader(p.Status)
		if p.Stream == nil {
			io.WriteString(w, content(t, p))
			return
		}
		if _, err := io.Copy(w, p.Stream); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}
