package cli_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// realData is where the data of real systems stands beside a checkout.
const realData = "../../../shared/data/ndjson"

// TestImportOfRealLines imports the lines of real systems, twice, and holds what
// export writes of them against them, key by key.
func TestImportOfRealLines(t *testing.T) {
	for _, kind := range []struct {
		name, id, time string
		becomes        func(line map[string]any) // what the journal makes of a line
	}{
		{name: "audit", id: "id", time: "created_at"},
		{name: "operations", id: "log_id", time: "created_at", becomes: cutAndMask},
		{name: "usage", id: "id"},
		{name: "api-calls", id: "log_id"},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(realData, kind.name+".ndjson.gz")
			if _, err := os.Stat(file); err != nil {
				t.Skipf("the real data is not beside this checkout: %v", err)
			}
			input := unpacked(t, file)
			n := bytes.Count(input, []byte("\n"))
			m := newMachine(t)
			if raced && n > 1000 { // all of them would take minutes
				n = 1000
				input = bytes.Join(bytes.SplitAfterN(input, []byte("\n"), n+1)[:n], nil)
				file = m.file("some.ndjson", string(input))
			}
			m.want(0, fmt.Sprintf("read %d, added %d, already there 0, refused 0\n", n, n), "", "import", "--kind", kind.name, file)
			m.want(0, fmt.Sprintf("read %d, added 0, already there %d, refused 0\n", n, n), "", "import", "--kind", kind.name, file)
			_, out, _ := m.run("export", "--kind", kind.name)

			wanted := map[string]map[string]any{}
			for _, line := range decoded(t, input, kind.time) {
				if kind.becomes != nil {
					kind.becomes(line)
				}
				wanted[fmt.Sprint(line[kind.id])] = line
			}
			exported := decoded(t, []byte(out), kind.time)
			if len(exported) != n || len(wanted) != n {
				t.Fatalf("exports %d lines of %d, which have %d ids", len(exported), n, len(wanted))
			}
			for _, line := range exported {
				if want := wanted[fmt.Sprint(line[kind.id])]; !reflect.DeepEqual(line, want) {
					t.Fatalf("exports %v\nwant    %v", line, want)
				}
			}
		})
	}
}

// unpacked gives the bytes of a packed file.
func unpacked(t *testing.T, path string) []byte {
	t.Helper()
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var content bytes.Buffer
	if _, err := content.ReadFrom(reader); err != nil {
		t.Fatal(err)
	}
	return content.Bytes()
}

// decoded reads lines with Go's own decoder: numbers as they are written, times at
// the key as instants.
func decoded(t *testing.T, lines []byte, at string) (list []map[string]any) {
	t.Helper()
	scanner := bufio.NewScanner(bytes.NewReader(lines))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		decoder := json.NewDecoder(bytes.NewReader(scanner.Bytes()))
		decoder.UseNumber()
		var line map[string]any
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if at != "" {
			instant, err := time.Parse(time.RFC3339Nano, line[at].(string))
			if err != nil {
				t.Fatal(err)
			}
			line[at] = instant.UTC()
		}
		list = append(list, line)
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// cutAndMask does to an operation what the hertz system does to it on its way in.
func cutAndMask(line map[string]any) {
	cut := func(key string, characters int) {
		if text, is := line[key].(string); is {
			if runes := []rune(text); len(runes) > characters {
				line[key] = string(runes[:characters])
			}
		}
	}
	cut("description", 255)
	cut("user_agent", 500)
	var mask func(any)
	mask = func(value any) {
		switch value := value.(type) {
		case []any:
			for _, one := range value {
				mask(one)
			}
		case map[string]any:
			for key, one := range value {
				if strings.Contains(",password,token,secret,key,csrf_token,", ","+key+",") {
					value[key] = "***"
				} else {
					mask(one)
				}
			}
		}
	}
	mask(line["request_data"])
}
