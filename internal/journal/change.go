package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"strings"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/schema"
	"logbook/ent/tenant"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// OwnApplication is the application of the audit events that Logbook records of
// itself; nobody else may append one under it.
const OwnApplication = "logbook"

// ownModule is the module of the operations that Logbook records of itself.
const ownModule = "logbook"

// Change is something that happened to Logbook itself: rows were removed, a policy
// made, a token refused. It is recorded as an audit event, and what somebody
// administered as an operation too.
type Change struct {
	Event    string         // what happened, such as User.Create; the audit event's key has "Logbook." in front
	Action   column.Action  // of the operation; 0 for none
	Sentence string         // the operation's description
	Tenant   *column.ID     // whose it is, unless the principal is bound to one; nil for nobody's
	Target   string         // the model that was changed, such as User; "" for none
	TargetID *int64         // of Target, where that is a number
	Details  map[string]any // what more there is to say; no secrets

	// Who did it, from where and when; nil for the context's and now.
	By   *auth.Principal
	From *auth.Origin
	At   *column.Time
}

// Change runs fn in one write transaction and records the changes that it gives in
// the same one: afterwards all of it is there, or nothing. Fn may run more than once
// and begins anew each time; it must not use the journal.
func (j *Journal) Change(ctx context.Context, fn func(*db.Tx) ([]Change, error)) error {
	return j.commit(ctx, func(tx *db.Tx, at *position) error {
		changes, err := fn(tx)
		if err != nil {
			return err
		}
		_, err = j.record(ctx, tx, at, changes...)
		return err
	})
}

// record stores changes, and gives the operations among what it stored.
func (j *Journal) record(ctx context.Context, tx *db.Tx, at *position, changes ...Change) ([]*ent.Operation, error) {
	var events []AuditEventDraft
	var done []OperationDraft
	for _, c := range changes {
		if c.By == nil {
			c.By = auth.From(ctx)
		}
		if c.By == nil {
			c.By = &auth.Principal{}
		}
		if c.From == nil {
			c.From = new(auth.OriginOf(ctx))
		}
		owner, err := c.owner(ctx, tx.Client)
		if err != nil {
			return nil, err
		}
		payload, err := c.payload()
		if err != nil {
			return nil, err
		}
		address, agent := text(c.From.Address, schema.MaxText), text(c.From.UserAgent, schema.MaxAgent)
		events = append(events, AuditEventDraft{
			CreatedAt: c.At, TenantID: owner, Key: "Logbook." + c.Event, Payload: payload,
			UserID: text(c.By.Subject, schema.MaxText), ApplicationID: new(OwnApplication), IP: address, UserAgent: agent,
		})
		if c.Action == 0 {
			continue
		}
		done = append(done, OperationDraft{
			CreatedAt: c.At, TenantID: owner, Username: text(c.By.Username, schema.MaxText), Action: c.Action,
			Module: ownModule, Description: c.Sentence, TargetModel: text(c.Target, schema.MaxText), TargetID: c.TargetID,
			IPAddress: address, UserAgent: agent, RequestData: payload,
		})
	}
	if _, err := j.AuditEvents.insertOwn(ctx, tx, at, events); err != nil {
		return nil, err
	}
	return j.Operations.insertOwn(ctx, tx, at, done)
}

// text gives a text that a caller may have sent as a draft has it: valid UTF-8, at
// most so many bytes, nil for "".
func text(value string, most int) *string {
	if value == "" {
		return nil
	}
	return new(fault.Cut(strings.ToValidUTF8(value, "\uFFFD"), most))
}

// owner gives the tenant that the record belongs to.
func (c *Change) owner(ctx context.Context, client *ent.Client) (*column.ID, error) {
	owner := c.Tenant
	if c.By.Tenant != nil {
		owner = (*column.ID)(c.By.Tenant)
	}
	if owner == nil {
		return nil, nil
	}
	// Users and tokens may be bound to a tenant that comes later.
	known, err := client.Tenant.Query().Where(tenant.ID(*owner)).Exist(auth.System(ctx, "record"))
	if err != nil || !known {
		return nil, err
	}
	return owner, nil
}

// payload gives the details as a JSON object, with the name of who did it.
func (c *Change) payload() (column.JSON, error) {
	details := map[string]any{}
	for name, value := range c.Details {
		details[name] = value
	}
	if c.By.Account != "" { // a name may be anything: a user's, a token's, a command's
		details["by"] = c.By.Account
	}
	if c.By.Username != "" {
		details["username"] = c.By.Username
	}
	if c.From.RequestID != "" {
		details["request_id"] = c.From.RequestID
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(details); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the record of %s does not encode", c.Event)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// insertOwn stores what Logbook says of itself, whoever the context's principal is.
func (l *Log[R, D, F]) insertOwn(ctx context.Context, tx *db.Tx, at *position, drafts []D) ([]*R, error) {
	if len(drafts) == 0 {
		return nil, nil
	}
	rows, brought := make([]*R, len(drafts)), make([]given, len(drafts))
	for i := range drafts {
		if problems := l.check(&drafts[i], i); len(problems) > 0 {
			return nil, fault.Wrap(fault.Internal, fault.Refuse(problems...), "Logbook's own %s cannot be stored", l.noun)
		}
		if rows[i], brought[i] = l.made(&drafts[i]); !brought[i].time {
			*l.timeOf(rows[i]) = l.cut(column.TimeOf(l.journal.now()))
		}
	}
	return rows, l.insertNew(ctx, tx, at, rows, brought)
}

// graphqlName turns the name of a filter's field into the one that GraphQL has.
var graphqlName = strings.NewReplacer("ID", "Id", "IP", "Ip", "API", "Api", "HTTP", "Http")

// mostRecorded is how long a record of a filter may be, in bytes: its lists can be longer
// than a record.
const mostRecorded = 64 << 10

// recorded gives a filter for a record: itself or, where it is long, its beginning.
func recorded(filter map[string]any) any {
	raw, err := json.Marshal(filter)
	if err != nil || len(raw) <= mostRecorded {
		return filter
	}
	return fault.Cut(string(raw), mostRecorded) + "…"
}

// asked gives the set fields of a filter, a struct of pointers, for a record.
func asked(filter any) map[string]any {
	set := map[string]any{}
	v := reflect.ValueOf(filter)
	for i := range v.NumField() {
		if field := v.Field(i); !field.IsNil() {
			name := graphqlName.Replace(v.Type().Field(i).Name)
			set[strings.ToLower(name[:1])+name[1:]] = field.Interface()
		}
	}
	return set
}
