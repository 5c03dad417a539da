package journal

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// How long about one transaction of an import may take, and hold SQLite's write lock:
// while another process holds a writer's lease, and while none does.
const (
	importHold      = 25 * time.Millisecond
	importHoldAlone = 200 * time.Millisecond
)

// Imported is one row of an import: a draft with the names that make its tenant
// and, for the kinds that have them, its category where they are new.
type Imported[D any] struct {
	Draft        D
	TenantName   *string
	CategoryName *string
	CategoryCode *string
	Occurrence   uint32 // how many equal rows came before it in its input; makes the id where there is none
}

// Outcome is what became of one imported row.
type Outcome struct {
	Stored  bool           // false with no problem: it was there already
	Problem *fault.Problem // why it was refused
}

// Import stores rows one by one on their merits: good rows go in, rows that are
// there already with the same content are left, all others are refused with the
// reason; the outcomes are in the rows' order. Rows are committed in short
// transactions that yield to other processes; an error means that the rows from
// some transaction on were not stored, and the same import may simply run again.
func (l *Log[R, D, F]) Import(ctx context.Context, rows []Imported[D]) ([]Outcome, error) {
	outcomes := make([]Outcome, len(rows))
	size := max(200, int(l.journal.importSize.Load()))
	for start := 0; start < len(rows); {
		end := min(start+size, len(rows))
		began := time.Now()
		err := l.importSome(ctx, rows[start:end], outcomes[start:end])
		if kind := fault.KindOf(err); err != nil && (kind == fault.Invalid || kind == fault.Conflict) {
			// One of them cannot be stored, or others store the same ones in another
			// order: in smaller batches it shows which, and the others pass.
			if end-start > 1 {
				size = (end - start) / 2
				continue
			}
			outcomes[start] = Outcome{Problem: &fault.Problem{Index: -1, Field: "line", Reason: fault.Clash, Detail: fault.Say("%s", fault.As(err).In(fault.English))}}
			err = nil
		}
		if err != nil {
			return outcomes[:start], err
		}
		held, aim := time.Since(began), importHoldAlone
		others, err := l.journal.yield(ctx, held)
		if others {
			aim = importHold
		}
		// Aim at that, growing by no more than half at a time.
		size = max(min(20, 2*size), min(size*3/2, int(float64(end-start)*float64(aim)/float64(held+1))))
		l.journal.importSize.Store(int64(size))
		start = end
		if err != nil {
			return outcomes[:start], err
		}
	}
	return outcomes, nil
}

// incoming is one row of an import on its way into the table.
type incoming[R any] struct {
	row   *R
	given given
	hash  []byte // of its content and occurrence, where it brings no id
	names *importNames
	index int // in the import
}

// importSome is one transaction of an import.
func (l *Log[R, D, F]) importSome(ctx context.Context, imported []Imported[D], outcomes []Outcome) error {
	var batch []*incoming[R]
	for i := range imported {
		one := &imported[i]
		if problems := l.check(&one.Draft, -1); len(problems) > 0 {
			outcomes[i] = Outcome{Problem: &problems[0]}
			continue
		}
		in := &incoming[R]{index: i}
		in.row, in.given = l.made(&one.Draft)
		if !in.given.id {
			sum := sha256.Sum256(binary.BigEndian.AppendUint32(l.contentHash(in.row, in.given), one.Occurrence))
			in.hash = sum[:]
			l.setHashed(in.row, in.hash)
		}
		in.names = &importNames{
			tenantID: *l.tenantOf(in.row), tenantName: one.TenantName,
			categoryName: one.CategoryName, categoryCode: one.CategoryCode,
		}
		if l.categoryOf != nil {
			in.names.categoryID = l.categoryOf(in.row)
		}
		batch = append(batch, in)
	}
	if len(batch) == 0 {
		return nil
	}
	rows := make([]*R, len(batch))
	for i, in := range batch {
		rows[i] = in.row
	}
	named := false // whether a tenant or category was made
	err := l.journal.commit(ctx, func(tx *db.Tx, at *position) error {
		known, err := loadNames(ctx, tx.Client)
		if err != nil {
			return err
		}
		stored, err := l.stored(auth.System(ctx, "import"), tx.Client, rows)
		if err != nil {
			return err
		}
		var fresh []*R
		var brought []given
		for _, in := range batch {
			if outcomes[in.index].Problem = known.problem(in.names); outcomes[in.index].Problem != nil {
				continue
			}
			row := new(R)
			*row = *in.row // which stays as it came, since the transaction may run anew
			old, err := l.place(ctx, tx, row, in, stored)
			if err != nil {
				return err
			}
			id := l.idOf(row)
			switch {
			case old == nil:
				made, err := known.make(ctx, tx.Client, in.names, l.journal.now())
				if err != nil {
					return err
				}
				named = named || made
				outcomes[in.index] = Outcome{Stored: true}
				stored[id] = row
				fresh, brought = append(fresh, row), append(brought, in.given)
			case l.sameContent(old, row, in.given):
				outcomes[in.index] = Outcome{}
			default:
				outcomes[in.index] = Outcome{Problem: &fault.Problem{Index: -1, Field: l.idName, Reason: fault.Clash,
					Value: id.String(), Detail: fault.Say("%s is there already with other content", fault.Shorten(id.String()))}}
			}
		}
		if len(fresh) == 0 {
			return nil
		}
		for _, row := range fresh {
			writer, sequence := l.arrivalOf(row)
			*writer, *sequence = at.writer, at.next()
		}
		if err := l.fill(ctx, fresh, brought); err != nil {
			return err
		}
		if err := l.lookUp(ctx, fresh); err != nil {
			return err
		}
		return l.insert(ctx, tx, fresh)
	})
	if named {
		l.journal.names.forget()
	}
	return err
}

// place finds the row that stands under an incoming row's id; nil where the id is
// free. A row that brought no id and meets a stranger under the number its hash
// made takes the next hash, and so does the same row when it comes again.
func (l *Log[R, D, F]) place(ctx context.Context, tx *db.Tx, row *R, in *incoming[R], stored map[rowID]*R) (*R, error) {
	for hash := in.hash; ; {
		old := stored[l.idOf(row)]
		if old == nil || in.given.id || l.sameContent(old, row, in.given) {
			return old, nil
		}
		sum := sha256.Sum256(hash)
		hash = sum[:]
		l.setHashed(row, hash)
		found, err := l.stored(auth.System(ctx, "import"), tx.Client, []*R{row})
		if err != nil {
			return nil, err
		}
		for id, other := range found {
			if stored[id] == nil {
				stored[id] = other
			}
		}
	}
}

// ContentHash gives a number for the content of a row, by which equal rows of an
// input that bring no id are counted; false where the row brings one.
func (l *Log[R, D, F]) ContentHash(row *Imported[D]) (hash uint64, counted bool) {
	made, brought := l.made(&row.Draft)
	if brought.id {
		return 0, false
	}
	return binary.BigEndian.Uint64(l.contentHash(made, brought)), true
}
