package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/idempotencykey"
	"logbook/ent/schema"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// keyLife is how long an idempotency key is remembered.
const keyLife = 24 * time.Hour

// keysPerBite is how many expired keys an append under a new one removes, so that they
// go faster than they come and no append waits for long.
const keysPerBite = 20

// AppendOnce is Append under an idempotency key of 1 to 255 bytes, for a caller who may
// not hear the answer and sends the same again. The key is remembered in the transaction
// that stores the rows, for 24 hours by the principal's account and tenant, whichever
// process is asked. The same drafts under it are not stored again: the answer is the
// rows that are there. Drafts are the same when the rows they ask for are: of JSON
// its canonical form counts, and what is left out counts as its default, but for id and
// time, which count as left out.
//
// It fails as Append does, and with kind Conflict where the key stands for other drafts
// or another kind of log, or where a row that was stored under it is gone.
func (l *Log[R, D, F]) AppendOnce(ctx context.Context, key string, drafts []D) ([]*R, error) {
	if key == "" {
		return nil, fault.RefuseField("idempotency_key", fault.Outside, "", "1 to 255 bytes long")
	}
	if problem := fault.Text("idempotency_key", key, schema.MaxText); problem != nil {
		return nil, fault.Refuse(*problem)
	}
	rows, brought, err := l.prepare(ctx, drafts)
	if err != nil {
		return nil, err
	}
	id, err := keyID(ctx, key)
	if err != nil {
		return nil, err
	}
	body := l.bodyHash(rows, brought)
	if err := l.lookUp(ctx, rows); err != nil {
		return nil, err
	}
	p := l.pending(rows, brought)
	p.key = &onceKey{id, body}
	if err := l.journal.join(ctx, p); err != nil {
		return nil, err
	}
	if p.repeated {
		rows = batchOf[R](p).answer
	}
	return l.shown(ctx, rows), nil
}

// onceID is the id under which a key is remembered.
type onceID = column.ID

// onceKey is the key of an append: its id, and the hash of what the append asks for.
type onceKey struct {
	id   onceID
	body []byte
}

// knownKey is a key that is remembered.
type knownKey = ent.IdempotencyKey

// recallAll finds out which appends of a group were stored before, and forgets keys that
// have expired.
func recallAll(ctx context.Context, tx *db.Tx, group []*pending, clock func() time.Time) error {
	keyed := map[onceID]*pending{}
	for _, p := range group {
		if p.key != nil {
			keyed[p.key.id] = p
		}
	}
	if len(keyed) == 0 {
		return nil
	}
	now := column.TimeOf(clock())
	found, err := tx.IdempotencyKey.Query().Where(idempotencykey.IDIn(slices.Collect(maps.Keys(keyed))...)).All(ctx)
	if err != nil {
		return err
	}
	var expired []*knownKey
	for _, known := range found {
		if known.ExpiresAt <= now {
			expired = append(expired, known)
			continue
		}
		p := keyed[known.ID]
		p.repeated = true
		var said *fault.Error
		if err := p.log.recall(ctx, tx, p, known); errors.As(err, &said) {
			p.err = said
		} else if err != nil {
			return err
		}
	}
	fresh := len(keyed) - len(found) + len(expired)
	if fresh == 0 {
		return nil
	}
	return forgetKeys(ctx, tx.Client, expired, now, keysPerBite*fresh)
}

// rememberAll remembers the keys of appends that are stored.
func rememberAll(ctx context.Context, tx *db.Tx, group []*pending, clock func() time.Time) error {
	var made []*ent.IdempotencyKeyCreate
	for _, p := range group {
		if p.key == nil || !p.fresh() {
			continue
		}
		ids, _ := json.Marshal(p.log.idTexts(p)) // texts always encode
		made = append(made, tx.IdempotencyKey.Create().SetID(p.key.id).SetKind(int8(p.log.number())).SetBody(p.key.body).
			SetRowIds(ids).SetExpiresAt(column.TimeOf(clock().Add(keyLife))))
	}
	if len(made) == 0 {
		return nil
	}
	return tx.IdempotencyKey.CreateBulk(made...).Exec(ctx)
}

// keyID gives the id under which a key of the context's principal is remembered.
func keyID(ctx context.Context, key string) (column.ID, error) {
	p := auth.From(ctx)
	if p.Account == "" {
		return column.ID{}, fault.New(fault.Internal, "the principal %q has no account to remember keys by", p.Username)
	}
	var b []byte
	for _, value := range []any{idOf((*column.ID)(p.Tenant)), p.Account, key} {
		b = appendValue(b, value)
	}
	sum := sha256.Sum256(b)
	return column.ID(sum[:16]), nil
}

// bodyHash hashes what the drafts of rows ask for. Secrets in them are masked by now, so
// that the hash does not give them away.
func (l *Log[R, D, F]) bodyHash(rows []*R, brought []given) []byte {
	h := sha256.New()
	for i, row := range rows {
		var id any
		if brought[i].id {
			id = l.idOf(row).value()
		}
		_, _ = h.Write(appendValue(l.contentHash(row, brought[i]), id)) // never fails
	}
	return h.Sum(nil)
}

// recall finds the rows that were stored under an append's key.
func (l *Log[R, D, F]) recall(ctx context.Context, tx *db.Tx, p *pending, known *knownKey) error {
	if known.Kind != int8(l.kind) || !bytes.Equal(known.Body, p.key.body) {
		return fault.New(fault.Conflict, "the idempotency key stands for something else that was appended within the last 24 hours; nothing was stored, send another key")
	}
	var texts []string
	if err := json.Unmarshal(known.RowIds, &texts); err != nil {
		return fault.Wrap(fault.Internal, err, "the rows of the idempotency key %s cannot be read", known.ID)
	}
	ids := make([]rowID, len(texts))
	for i, text := range texts {
		var ok bool
		if ids[i], ok = parseID(l.idOf(new(R)), text); !ok {
			return fault.New(fault.Internal, "the idempotency key %s names the row %q, which is no id", known.ID, text)
		}
	}
	stored, err := l.byID(ctx, tx.Client, ids)
	if err != nil {
		return err
	}
	rows := make([]*R, len(ids))
	for i, id := range ids {
		if rows[i] = stored[id]; rows[i] == nil {
			return fault.New(fault.Conflict, "what was appended under the idempotency key has been removed since; nothing was stored again")
		}
	}
	batchOf[R](p).answer = rows
	return nil
}

// idTexts gives the ids of an append's rows as a key remembers them.
func (l *Log[R, D, F]) idTexts(p *pending) []string {
	rows := batchOf[R](p).rows
	texts := make([]string, len(rows))
	for i, row := range rows {
		texts[i] = l.idOf(row).String()
	}
	return texts
}

// forgetKeys removes keys that have expired, and so many of the oldest others that have.
// It deletes only what it has seen: on MariaDB, to delete what is not there locks the
// gap that other keys are about to go into.
func forgetKeys(ctx context.Context, client *ent.Client, expired []*ent.IdempotencyKey, now column.Time, most int) error {
	ids, err := client.IdempotencyKey.Query().Where(idempotencykey.ExpiresAtLTE(now)).
		Order(idempotencykey.ByExpiresAt()).Limit(most).IDs(ctx)
	if err != nil {
		return err
	}
	for _, key := range expired {
		ids = append(ids, key.ID)
	}
	if len(ids) == 0 {
		return nil
	}
	_, err = client.IdempotencyKey.Delete().Where(idempotencykey.IDIn(ids...)).Exec(ctx)
	return err
}
