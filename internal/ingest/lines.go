package ingest

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"logbook/internal/fault"
)

// MaxLine is how long a line may be, in bytes without its line end. It leaves
// room for the longest entry with every character escaped.
const MaxLine = 8 << 20

// Line is one line of an input.
type Line struct {
	Number  int            // from 1, blank lines counted
	Text    []byte         // without its line end; valid until the next call of Next
	Problem *fault.Problem // why there is no text: the line is too long
}

// Lines reads an input line by line. Lines end with LF or CRLF, the last one
// also without; blank lines and a byte order mark in front are skipped. Memory
// stays within MaxLine, whatever the input holds.
type Lines struct {
	// TooLong gets the over-long lines, each as it is with an LF behind it; nil
	// drops them.
	TooLong io.Writer

	input  *bufio.Reader
	packed bool
	number int
	long   []byte // collects a line that does not fit input's buffer
	err    error  // what ended the input
}

// NewLines makes a reader of an input, which is unpacked where its first bytes
// or its name (.gz) say that it is gzip. It reads the input's beginning, and
// fails where that cannot be read or unpacked.
func NewLines(name string, input io.Reader) (*Lines, error) {
	const buffer = 64 << 10
	raw := bufio.NewReaderSize(input, buffer)
	magic, err := raw.Peek(2)
	if err != nil && err != io.EOF {
		return nil, err
	}
	l := &Lines{input: raw}
	isGzip := bytes.Equal(magic, []byte{0x1f, 0x8b})
	if named := strings.HasSuffix(strings.ToLower(name), ".gz"); named || isGzip {
		if !isGzip && len(magic) > 0 {
			return nil, explainGzip(gzip.ErrHeader)
		}
		unpacked, err := gzip.NewReader(raw)
		if err != nil {
			return nil, explainGzip(err)
		}
		l.input, l.packed = bufio.NewReaderSize(unpacked, buffer), true
	}
	if mark, _ := l.input.Peek(3); bytes.Equal(mark, []byte("\ufeff")) {
		_, _ = l.input.Discard(3) // it is there
	}
	return l, nil
}

// Number gives the number of the line that was read last.
func (l *Lines) Number() int { return l.number }

// Waiting says whether the next call of Next may have to wait for the input.
func (l *Lines) Waiting() bool { return l.input.Buffered() == 0 }

// Next gives the next line, io.EOF behind the last one. After any other error
// the input is over: what it held of the line at Number is dropped.
func (l *Lines) Next() (Line, error) {
	for l.err == nil {
		line, err := l.next()
		switch {
		case err == nil:
		case err == io.EOF:
			l.err = err // behind a last line without a line end
		default:
			l.err = l.explain(err)
			return Line{}, l.err
		}
		if line.Problem != nil || !blank(line.Text) {
			return line, nil
		}
	}
	return Line{}, l.err
}

// next reads to the next line end; with io.EOF comes what stands behind the last
// one.
func (l *Lines) next() (Line, error) {
	l.long = l.long[:0]
	part, err := l.input.ReadSlice('\n')
	if len(part) > 0 {
		l.number++
	}
	if err == nil {
		return Line{Number: l.number, Text: trimEnd(part)}, nil
	}
	for {
		l.long = append(l.long, part...)
		if len(trimEnd(l.long)) > MaxLine {
			return l.skip(err)
		}
		if err != bufio.ErrBufferFull {
			break
		}
		part, err = l.input.ReadSlice('\n')
	}
	if err != nil && err != io.EOF {
		return Line{}, err
	}
	return Line{Number: l.number, Text: trimEnd(l.long)}, err
}

// skip reads to the end of a line that is too long already; err is what reading
// its last part gave.
func (l *Lines) skip(err error) (Line, error) {
	for part := l.long; ; {
		if spilled := l.spill(part); spilled != nil {
			return Line{}, spilled
		}
		if err != bufio.ErrBufferFull {
			break
		}
		part, err = l.input.ReadSlice('\n')
	}
	switch err {
	case nil:
	case io.EOF:
		if spilled := l.spill([]byte{'\n'}); spilled != nil {
			return Line{}, spilled
		}
	default:
		return Line{}, err
	}
	return Line{Number: l.number, Problem: &fault.Problem{
		Index: -1, Field: wholeLine, Reason: fault.TooLong, Limit: MaxLine}}, err
}

// spill hands part of an over-long line on.
func (l *Lines) spill(part []byte) error {
	if l.TooLong == nil {
		return nil
	}
	if _, err := l.TooLong.Write(part); err != nil {
		return fmt.Errorf("keep an over-long line: %w", err)
	}
	return nil
}

func (l *Lines) explain(err error) error {
	// The line that broke off counts, though it may not have begun yet.
	if len(l.long) == 0 {
		l.number++
	}
	if l.packed {
		return explainGzip(err)
	}
	return err
}

// explainGzip words the errors of unpacking.
func explainGzip(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF:
		return fault.Wrap(fault.Invalid, err, "the gzip data ends too early; the lines before this one were read")
	case errors.Is(err, gzip.ErrHeader):
		return fault.Wrap(fault.Invalid, err, "it is named .gz and holds no gzip data")
	case errors.Is(err, gzip.ErrChecksum), errors.As(err, &corrupt):
		return fault.Wrap(fault.Invalid, err, "the gzip data is damaged; the lines before this one were read")
	}
	return err
}

// trimEnd drops the line end.
func trimEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'})
}

// blank says whether there is nothing but white space.
func blank(line []byte) bool { return len(bytes.Trim(line, " \t\r")) == 0 }
