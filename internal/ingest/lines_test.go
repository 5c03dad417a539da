package ingest_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"logbook/internal/fault"
	"logbook/internal/ingest"
)

// read gives what Lines makes of an input: "number text" or "number! problem" a
// line, and the error that ended it.
func read(name string, input io.Reader) (lines []string, number int, err error) {
	l, err := ingest.NewLines(name, input)
	if err != nil {
		return nil, 0, err
	}
	for {
		line, err := l.Next()
		switch {
		case err == io.EOF:
			return lines, l.Number(), nil
		case err != nil:
			return lines, l.Number(), err
		case line.Problem != nil:
			lines = append(lines, fmt.Sprintf("%d! %s", line.Number, line.Problem))
		default:
			lines = append(lines, fmt.Sprintf("%d %s", line.Number, line.Text))
		}
	}
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", 200<<10) // longer than the buffer, shorter than the limit
	for _, c := range []struct {
		name, input string
		want        []string
	}{
		{"nothing", "", nil},
		{"line ends only", "\n\r\n \t\n", nil},
		{"LF", "a\nb\n", []string{"1 a", "2 b"}},
		{"CRLF", "a\r\nb\r\n", []string{"1 a", "2 b"}},
		{"no last line end", "a\nb", []string{"1 a", "2 b"}},
		{"CR without LF at the end", "a\nb\r", []string{"1 a", "2 b"}},
		{"CR inside", "a\rb\n", []string{"1 a\rb"}},
		{"blank lines count", "\na\n\n \r\nb\n\n", []string{"2 a", "5 b"}},
		{"byte order mark", "\ufeffa\nb\n", []string{"1 a", "2 b"}},
		{"byte order mark alone", "\ufeff", nil},
		{"byte order mark later", "a\n\ufeffb\n", []string{"1 a", "2 \ufeffb"}},
		{"blanks stay", " a \n", []string{"1  a "}},
		{"long lines", long + "\n" + long + "y", []string{"1 " + long, "2 " + long + "y"}},
		{"raw bytes", "a\x00\xff\n", []string{"1 a\x00\xff"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, form := range []struct {
				name  string
				input io.Reader
			}{
				{"plain", strings.NewReader(c.input)},
				{"a byte at a time", iotest.OneByteReader(strings.NewReader(c.input))},
				{"gzip", bytes.NewReader(pack(c.input))},
				{"gzip in two members", io.MultiReader(bytes.NewReader(pack(c.input[:len(c.input)/2])), bytes.NewReader(pack(c.input[len(c.input)/2:])))},
			} {
				lines, _, err := read("x", form.input)
				if err != nil || fmt.Sprint(lines) != fmt.Sprint(c.want) {
					t.Errorf("%s: gives %.200q, %v\nwant %.200q", form.name, lines, err, c.want)
				}
			}
		})
	}
}

func TestLinesSkipsOverLongLines(t *testing.T) {
	exact := strings.Repeat("x", ingest.MaxLine)
	refused := fmt.Sprintf("! line: is longer than %d bytes", ingest.MaxLine)
	for _, c := range []struct {
		name, input string
		want        []string
		spilled     string
	}{
		{"at the limit", exact + "\r\nb\n", []string{"1 " + exact, "2 b"}, ""},
		{"one byte more", "a\n" + exact + "y\nb\n", []string{"1 a", "2" + refused, "3 b"}, exact + "y\n"},
		{"at the end", "a\n" + exact + "y", []string{"1 a", "2" + refused}, exact + "y\n"},
		{"two", exact + exact + "\n" + exact + "y\nb", []string{"1" + refused, "2" + refused, "3 b"}, exact + exact + "\n" + exact + "y\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := ingest.NewLines("x", strings.NewReader(c.input))
			if err != nil {
				t.Fatal(err)
			}
			var spilled bytes.Buffer
			l.TooLong = &spilled
			var lines []string
			for {
				line, err := l.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if line.Problem != nil {
					lines = append(lines, fmt.Sprintf("%d! %s", line.Number, line.Problem))
				} else {
					lines = append(lines, fmt.Sprintf("%d %s", line.Number, line.Text))
				}
			}
			if fmt.Sprint(lines) != fmt.Sprint(c.want) {
				t.Errorf("gives %d lines, %.100q…", len(lines), lines)
			}
			if spilled.String() != c.spilled {
				t.Errorf("spilled %d bytes, want %d", spilled.Len(), len(c.spilled))
			}
		})
	}
}

// TestLinesHoldsNoOverLongLine reads a line of 100 MB and looks at what was
// allocated on the way.
func TestLinesHoldsNoOverLongLine(t *testing.T) {
	input := io.MultiReader(strings.NewReader("a\n"), io.LimitReader(endless{}, 100<<20), strings.NewReader("\nb\n"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	lines, _, err := read("x", input)
	runtime.ReadMemStats(&after)
	if err != nil || len(lines) != 3 || !strings.HasPrefix(lines[1], "2! ") {
		t.Fatalf("gives %.200q, %v", lines, err)
	}
	// A slice that grows to the limit allocates a few times that.
	if got := after.TotalAlloc - before.TotalAlloc; got > 8*ingest.MaxLine {
		t.Errorf("allocated %d MiB", got>>20)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestLinesOfBrokenGzip(t *testing.T) {
	var whole strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&whole, "line %d %x\n", i+1, i*7919)
	}
	packed := pack(whole.String())
	damaged := bytes.Clone(packed)
	damaged[len(damaged)-6] ^= 1 // in the checksum

	t.Run("no gzip", func(t *testing.T) {
		if _, _, err := read("x.gz", strings.NewReader("a\n")); err == nil || err.(*fault.Error).Sentence.String() != "it is named .gz and holds no gzip data" {
			t.Error(err)
		}
	})
	t.Run("empty", func(t *testing.T) {
		if _, _, err := read("x.gz", strings.NewReader("")); fault.KindOf(err) != fault.Invalid {
			t.Error(err)
		}
	})
	t.Run("checksum", func(t *testing.T) {
		lines, _, err := read("x", bytes.NewReader(damaged))
		if len(lines) != 2000 || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%d lines, %v", len(lines), err)
		}
	})
	t.Run("cut short", func(t *testing.T) {
		for _, length := range []int{3, 12, 30, len(packed) / 3, len(packed) / 2, len(packed) - 9, len(packed) - 1} {
			lines, number, err := read("x", bytes.NewReader(packed[:length]))
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "ends too early") {
				t.Errorf("%d bytes: %v", length, err)
			}
			if length > 12 && number != len(lines)+1 {
				t.Errorf("%d bytes: %d lines, and the error is on line %d", length, len(lines), number)
			}
			for i, line := range lines {
				if want := fmt.Sprintf("%d line %d %x", i+1, i+1, i*7919); line != want {
					t.Fatalf("%d bytes: gives %q, want %q", length, line, want)
				}
			}
		}
	})
}

func TestLinesOfABrokenInput(t *testing.T) {
	broken := errors.New("the cable is out")
	lines, number, err := read("x", io.MultiReader(strings.NewReader("a\nb\nhalf"), iotest.ErrReader(broken)))
	if len(lines) != 2 || number != 3 || !errors.Is(err, broken) {
		t.Errorf("gives %q, line %d, %v", lines, number, err)
	}
}

// FuzzLines holds that no input panics, and that what is read of any text that
// is no gzip is what a plain split gives.
func FuzzLines(f *testing.F) {
	f.Add("x", []byte("a\r\n\nb"))
	f.Add("x.gz", []byte("a\n"))
	f.Add("x", pack("a\nb\n"))
	f.Add("x", pack("a\nb\n")[:15])
	f.Add("x", []byte("\xef\xbb\xbfa"))
	f.Fuzz(func(t *testing.T, name string, input []byte) {
		lines, _, err := read(name, bytes.NewReader(input))
		if err != nil || bytes.HasPrefix(input, []byte{0x1f, 0x8b}) || strings.HasSuffix(strings.ToLower(name), ".gz") {
			return
		}
		var want []string
		for i, line := range bytes.Split(bytes.TrimPrefix(input, []byte("\ufeff")), []byte("\n")) {
			line = bytes.TrimSuffix(line, []byte("\r"))
			if len(bytes.Trim(line, " \t\r")) > 0 {
				want = append(want, fmt.Sprintf("%d %s", i+1, line))
			}
		}
		if fmt.Sprint(lines) != fmt.Sprint(want) {
			t.Fatalf("gives %q, want %q", lines, want)
		}
	})
}

func pack(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text)) // into memory
	_ = w.Close()
	return b.Bytes()
}
