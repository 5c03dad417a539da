package export

import (
	"bufio"
	"errors"
	"maps"
	"net/http"
	"time"
)

const (
	buffered = 64 << 10        // bytes that are held back before they go to the caller
	pace     = time.Second     // rows that trickle wait no longer, once the next one comes
	stall    = 2 * time.Minute // for the caller to take what one write sends
)

// stream is the body of an answer. It is for one goroutine.
type stream struct {
	rows    *bufio.Writer
	wire    *wire
	flushed time.Time
}

// newStream makes the body of an answer with a header. It fails with
// os.ErrDeadlineExceeded where the caller does not take in stall what one write
// sends. Close it when all is written, and leave it open when it is not the whole.
func newStream(w http.ResponseWriter, header http.Header, stall time.Duration) *stream {
	out := &wire{w: w, control: http.NewResponseController(w), header: header, stall: stall}
	return &stream{flushed: time.Now(), wire: out, rows: bufio.NewWriterSize(out, buffered)}
}

// begun says whether the caller may have got anything, after which there is no
// other answer.
func (s *stream) begun() bool { return s.wire.begun }

// Write takes a row.
func (s *stream) Write(row []byte) (int, error) {
	n, err := s.rows.Write(row)
	if err == nil && time.Since(s.flushed) >= pace {
		s.flushed = time.Now()
		err = s.rows.Flush()
	}
	return n, err
}

// close sends the end.
func (s *stream) close() error {
	if err := s.rows.Flush(); err != nil {
		return err
	}
	s.wire.begin() // an answer without rows
	return nil
}

// wire sends to the caller at once whatever is written to it, behind status and
// header, which it sends no sooner.
type wire struct {
	w       http.ResponseWriter
	control *http.ResponseController
	header  http.Header
	stall   time.Duration
	begun   bool
}

func (w *wire) begin() {
	if !w.begun {
		w.begun = true
		maps.Copy(w.w.Header(), w.header)
		w.w.WriteHeader(http.StatusOK)
	}
}

func (w *wire) Write(p []byte) (int, error) {
	w.begin()
	_ = w.control.SetWriteDeadline(time.Now().Add(w.stall)) // a recorder in a test has none
	n, err := w.w.Write(p)
	if err != nil {
		return n, err
	}
	if err := w.control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return n, err
	}
	return n, nil
}
