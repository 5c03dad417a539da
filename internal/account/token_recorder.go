package account

import (
	"context"
	"fmt"
	"log/slog"

	"logbook/ent/accesstoken"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/authn"
	"logbook/internal/db"
	"logbook/internal/fault"
	"logbook/internal/journal"
	"logbook/internal/recorder"
)

// TokenRecorder records as audit events that a credential was refused, and that an
// access token was used for the first time, best effort (package recorder). Of the
// refusals one a minute is recorded of a token that is known, and of an address. It is
// safe for concurrent use.
type TokenRecorder struct {
	*recorder.Recorder[authn.Event]
}

// NewTokenRecorder starts a recorder, whose Watch is what authn.Options want. Stop it
// before the accounts' journal is closed.
func NewTokenRecorder(a *Accounts, log *slog.Logger) *TokenRecorder {
	return &TokenRecorder{recorder.New("events of tokens", a.recordTokens, a.now, log)}
}

// Watch queues an event, unless another refusal stands for it. It does not wait.
func (t *TokenRecorder) Watch(event authn.Event) {
	if event.Refused != "" {
		caller := event.From.Network()
		if event.Token != nil {
			caller = fmt.Sprint("token ", event.Token.ID)
		}
		if !t.First(caller, event.Token != nil, 0, event.At) {
			return
		}
		event.From.UserAgent = fault.Cut(event.From.UserAgent, recorder.KnockText)
	}
	t.Record(event)
}

// recordTokens stores events. A first use that is known already is none.
func (a *Accounts) recordTokens(ctx context.Context, events []authn.Event) error {
	return a.journal.Change(ctx, func(tx *db.Tx) ([]journal.Change, error) {
		var changes []journal.Change
		for _, event := range events {
			change := journal.Change{Details: map[string]any{}}
			if event.Token != nil {
				var err error
				if change, err = tokenChange(ctx, tx, "", 0, event.Token); err != nil {
					return nil, err
				}
			}
			at := column.TimeOf(event.At)
			change.At, change.From, change.By = &at, &event.From, event.By
			if event.Refused != "" {
				change.Event, change.By = "Token.Refuse", &auth.Principal{}
				change.Details["reason"] = event.Refused
				changes = append(changes, change)
				continue
			}
			first, err := tx.AccessToken.Update().Where(accesstoken.ID(event.Token.ID), accesstoken.FirstUsedAtIsNil()).
				SetFirstUsedAt(at).Save(ctx)
			if err != nil {
				return nil, err
			}
			if first > 0 {
				change.Event = "Token.FirstUse"
				changes = append(changes, change)
			}
		}
		return changes, nil
	})
}
